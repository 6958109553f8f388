/** Bundles that somebody made to do harm, and what each is refused with. */
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { BundleErrorKind } from "@shoal/node/applications/bundle/error.ts";
import { BUNDLE_LIMITS } from "@shoal/node/applications/bundle/limits.ts";
import { seeded, below } from "@shoal/shared/base/random.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import { pieces } from "../blobs/open-blobs.ts";
import {
  artifact,
  bundleOf,
  type Entry,
  manifestFor,
  moduleNamed,
  mpk,
  newSigner,
  openApplications,
  type OpenApplications,
  signed,
  tar,
} from "./fixtures.ts";

const signer = newSigner();
/** Small enough that a bomb of a few megabytes is one. */
const limits = {
  ...BUNDLE_LIMITS,
  unpackedBytes: 4_000_000,
  entries: 50,
  manifestScanBytes: 500_000,
  abiBytes: 10_000,
};

let open: OpenApplications;
let wasm: Uint8Array;
beforeAll(async () => {
  wasm = await moduleNamed("get");
  open = await openApplications(temporaryDirectory(), { limits });
});
afterAll(() => open.store.close());

async function install(archive: Uint8Array): Promise<unknown> {
  const { blobId } = await open.blobs.add(pieces(archive));
  return open.applications.installFromBlob(blobId, { metadata: new Uint8Array() });
}

const json = (value: unknown): string => JSON.stringify(value);
/** A good bundle with something else in it. */
const withEntries = (...entries: readonly Entry[]): Promise<Buffer> =>
  mpk([
    { name: "manifest.json", content: json(signed(manifestFor(wasm), signer)) },
    { name: "app.wasm", content: wasm },
    ...entries,
  ]);
const withManifest = (manifest: unknown): Promise<Buffer> =>
  mpk([
    { name: "manifest.json", content: typeof manifest === "string" ? manifest : json(manifest) },
    { name: "app.wasm", content: wasm },
  ]);
const changed = (more: Record<string, unknown>): Record<string, unknown> => ({
  ...signed(manifestFor(wasm), signer),
  ...more,
});

async function withRawName(name: string): Promise<Buffer> {
  // Written past the packer, which would not put it so.
  const bytes = await tar([
    { name: "manifest.json", content: json(signed(manifestFor(wasm), signer)) },
    { name: "x".repeat(name.length), content: "evil" },
  ]);
  const at = bytes.indexOf("x".repeat(name.length));
  bytes.write(name, at, "latin1");
  let header = bytes.subarray(at, at + 512);
  header.write("        ", 148, "latin1");
  header = bytes.subarray(at, at + 512);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return gzipSync(bytes);
}

const HOSTILE: readonly (readonly [what: string, kind: BundleErrorKind, archive: () => Promise<Buffer>])[] = [
  ["a path that climbs out", "UnsafePath", () => withEntries({ name: "../../etc/cron.d/evil", content: "x" })],
  ["a path that climbs out further in", "UnsafePath", () => withEntries({ name: "a/../../evil", content: "x" })],
  ["an absolute path", "UnsafePath", () => withRawName("/etc/passwd")],
  ["a path with a backslash", "UnsafePath", () => withEntries({ name: "..\\evil", content: "x" })],
  ["a path with a drive", "UnsafePath", () => withEntries({ name: "C:evil", content: "x" })],
  ["a path with a control character", "UnsafePath", () => withEntries({ name: "a\nb", content: "x" })],
  ["a path without an end", "UnsafePath", () => withEntries({ name: "a/".repeat(200) + "b", content: "x" })],
  ["a folder that climbs out", "UnsafePath", () => withEntries({ name: "../evil/", header: { type: "directory" } })],
  [
    "a symbolic link",
    "LinkInArchive",
    () => withEntries({ name: "link", header: { type: "symlink", linkname: "/etc/passwd" } }),
  ],
  ["a hard link", "LinkInArchive", () => withEntries({ name: "link", header: { type: "link", linkname: "app.wasm" } })],
  ["a device", "UnsafePath", () => withEntries({ name: "null", header: { type: "character-device" } })],
  ["a pipe", "UnsafePath", () => withEntries({ name: "pipe", header: { type: "fifo" } })],
  ["a second module of the same name", "DuplicateEntry", () => withEntries({ name: "app.wasm", content: "evil" })],
  ["the same name spelt otherwise", "DuplicateEntry", () => withEntries({ name: "./app.wasm", content: "evil" })],
  ["a second manifest", "DuplicateEntry", () => withEntries({ name: "manifest.json", content: "{}" })],
  [
    "more entries than a bundle has",
    "TooManyEntries",
    () => withEntries(...Array.from({ length: 60 }, (_, at) => ({ name: `f${at}`, content: "" }))),
  ],
  ["a bomb", "ArchiveTooLarge", () => withEntries({ name: "zeros", content: Buffer.alloc(8_000_000) })],
  [
    "a bomb before the manifest",
    "ManifestMissing",
    () =>
      mpk([
        { name: "zeros", content: Buffer.alloc(8_000_000) },
        { name: "manifest.json", content: "{}" },
      ]),
  ],
  ["no manifest", "ManifestMissing", () => mpk([{ name: "app.wasm", content: wasm }])],
  ["an empty archive", "ManifestMissing", () => mpk([])],
  ["a manifest that is no JSON", "ManifestInvalid", () => withManifest("{")],
  ["a manifest that is a list", "ManifestInvalid", () => withManifest("[]")],
  [
    "a manifest that is no UTF-8",
    "ManifestInvalid",
    () => mpk([{ name: "manifest.json", content: Buffer.from([0x7b, 0xff, 0x7d]) }]),
  ],
  ["a manifest without a module", "ManifestInvalid", () => withManifest(manifestFor(wasm, { wasm: undefined }))],
  ["a package that is no name", "ManifestInvalid", () => withManifest(manifestFor(wasm, { package: "../evil" }))],
  ["a version that is none", "ManifestInvalid", () => withManifest(manifestFor(wasm, { appVersion: "latest" }))],
  [
    "a module outside of the bundle",
    "ManifestInvalid",
    () => withManifest(manifestFor(wasm, { wasm: { ...artifact("/etc/passwd", wasm) } })),
  ],
  ["a module that is not in it", "FileMissing", () => bundleOf(signed(manifestFor(wasm), signer), {})],
  [
    "a module of another size",
    "SizeMismatch",
    () => bundleOf(signed(manifestFor(wasm), signer), { "app.wasm": Buffer.concat([wasm, Buffer.of(0)]) }),
  ],
  [
    "another module",
    "HashMismatch",
    () => bundleOf(signed(manifestFor(wasm), signer), { "app.wasm": Buffer.from(wasm).fill(1, 9) }),
  ],
  [
    "a signed manifest that leaves a hash out",
    "HashMissing",
    () => withManifest(signed(manifestFor(wasm, { wasm: { path: "app.wasm", size: wasm.length } }), signer)),
  ],
  [
    "a module beyond the limit",
    "FileTooLarge",
    () =>
      withManifest(signed(manifestFor(wasm, { wasm: { ...artifact("app.wasm", wasm), size: 30_000_000 } }), signer)),
  ],
  [
    "one file with two descriptions",
    "ManifestInvalid",
    () => withManifest(signed(manifestFor(wasm, { migrations: [artifact("app.wasm", Buffer.from("x"))] }), signer)),
  ],
  [
    "an interface that is no JSON",
    "AbiInvalid",
    () =>
      bundleOf(signed(manifestFor(wasm, { abi: artifact("abi.json", Buffer.from("{")) }), signer), {
        "app.wasm": wasm,
        "abi.json": "{",
      }),
  ],
  ["a signature of another manifest", "SignatureInvalid", () => withManifest(changed({ appVersion: "9.0.0" }))],
  ["a member added after signing", "SignatureInvalid", () => withManifest(changed({ minRuntimeVersion: "9" }))],
  [
    "a signature by another key",
    "SignatureInvalid",
    () =>
      withManifest(
        changed({
          signature: {
            ...(signed(manifestFor(wasm), signer)["signature"] as object),
            publicKey: newSigner().publicKey.toString("base64url"),
          },
        }),
      ),
  ],
  ["a signer without a signature", "SignatureMissing", () => withManifest(manifestFor(wasm, { signerId: signer.id }))],
  [
    "somebody else's name over one's own signature",
    "SignerMismatch",
    () => withManifest(signed(manifestFor(wasm, { signerId: newSigner().id }), signer)),
  ],
  ["gzip without a tar", "ArchiveDamaged", async () => gzipSync(randomBytes(5_000))],
  ["gzip that is cut off", "ArchiveDamaged", async () => (await withEntries()).subarray(0, 200)],
  [
    "a tar that is cut off",
    "ArchiveDamaged",
    async () => {
      const whole = await tar([
        { name: "manifest.json", content: json(signed(manifestFor(wasm), signer)) },
        { name: "app.wasm", content: wasm },
      ]);
      return gzipSync(whole.subarray(0, whole.length - 1_500));
    },
  ],
  ["a plain tar", "UnknownFormat", () => tar([{ name: "manifest.json", content: "{}" }])],
];

describe("a hostile bundle", () => {
  test.each(HOSTILE)("%s is refused as %s", async (_, kind, archive) => {
    const failure = install(await archive());
    await expect(failure).rejects.toMatchObject({ kind, message: expect.stringContaining(`${kind}: `) });
    expect(await open.applications.list()).toEqual([]);
  });

  test("the good one that they were made of is installed", async () => {
    const other = await openApplications(temporaryDirectory(), { limits });
    const { blobId } = await other.blobs.add(
      pieces(await withEntries({ name: "docs/", header: { type: "directory" } }, { name: "docs/a.md", content: "x" })),
    );
    await other.applications.installFromBlob(blobId, { metadata: new Uint8Array() });
    expect(await other.applications.packages()).toEqual(["org.example.notes"]);
    await other.store.close();
  });

  test("whatever is done to a good one, it is an error with a code, and nothing is written beside the blobs", async () => {
    const random = seeded(11);
    const plain = await tar([
      { name: "manifest.json", content: json(signed(manifestFor(wasm), signer)) },
      { name: "app.wasm", content: wasm },
      { name: "docs/a.md", content: "x" },
    ]);
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(plain);
      // Into headers mostly, where the archive's structure is.
      for (let flips = 1 + below(random, 4); flips > 0; flips--) {
        bytes[below(random, 3) * 512 + below(random, 512)] = below(random, 256);
      }
      const zipped = gzipSync(bytes);
      if (round % 5 === 0) zipped[10 + below(random, zipped.length - 10)] = below(random, 256);
      try {
        await install(zipped);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ShoalError);
        expect(["invalid_argument", "payload_too_large", "conflict"]).toContain((thrown as ShoalError).code);
      }
    }
    expect(readdirSync(open.directory).every((name) => /^[0-9a-f]{2}$|^unfinished$/.test(name))).toBe(true);
  });
});
