import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { base58 } from "@scure/base";
import { BundleError } from "@shoal/node/applications/bundle/error.ts";
import type { InstallInput } from "@shoal/node/clients/node-client.ts";
import { BorshWriter } from "@shoal/node/model/borsh.ts";
import { bytesOf, type ApplicationId, type BlobId } from "@shoal/node/model/ids.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { INSTRUMENTER_VERSION } from "@shoal/node/runtime/module/prepare.ts";
import { keyOf, textKey } from "@shoal/node/storage/keys.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import { contentOf, pieces } from "../blobs/open-blobs.ts";
import {
  artifact,
  bundleOf,
  hexOf,
  manifestFor,
  moduleNamed,
  newSigner,
  openApplications,
  type OpenApplications,
  signed,
} from "./fixtures.ts";

const input: InstallInput = { metadata: new Uint8Array() };
const signer = newSigner();
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

let open: OpenApplications;
let wasm: Uint8Array;
beforeAll(async () => {
  wasm = await moduleNamed("get");
});

/** Installs bytes that were uploaded before. */
async function install(
  { applications, blobs }: OpenApplications,
  bytes: Uint8Array,
  with_: InstallInput = input,
): Promise<ApplicationId> {
  const { blobId } = await blobs.add(pieces(bytes));
  return applications.installFromBlob(blobId, with_);
}

/** `org.example.notes` of a version, with its own method. */
async function notes(version: string, method: string, by = signer): Promise<Buffer> {
  const module = await moduleNamed(method);
  return bundleOf(signed(manifestFor(module, { appVersion: version }), by), { "app.wasm": module });
}

describe("a raw module", () => {
  test("is installed under the hash of what it is and where it came from", async () => {
    open = await openApplications(temporaryDirectory());
    const path = join(temporaryDirectory(), "app.wasm");
    writeFileSync(path, wasm);
    const metadata = textKey("my metadata");
    const id = await open.applications.installFromPath(path, { metadata });
    const blob = base58.encode(sha256(sha256(wasm)));
    const borsh = new BorshWriter().fixed(base58.decode(blob)).u64(BigInt(wasm.length));
    expect(id).toBe(base58.encode(sha256(borsh.string(`file://${path}`).bytes(metadata).done())));
    const application = await open.applications.get(id);
    expect(application).toMatchObject({
      id,
      blob,
      size: wasm.length,
      source: `file://${path}`,
      metadata,
      package: "unknown",
      version: "0.0.0",
      modules: [
        {
          service: "default",
          bytecode: blob,
          hash: hexOf(wasm),
          methods: ["get", "init"],
          generation: "G2",
          profile: "rust",
        },
      ],
    });
    expect(application?.signerId).toBeUndefined();
    // What workers run is a module too, and another one.
    const prepared = application?.modules[0]?.prepared as BlobId;
    expect(prepared).not.toBe(blob);
    expect(WebAssembly.validate(new Uint8Array(await contentOf(open.blobs.read(prepared))))).toBe(true);
    expect(await open.applications.packages()).toEqual([]);
    await open.store.close();
  });

  test("may name its package and version", async () => {
    open = await openApplications(temporaryDirectory());
    const id = await install(open, wasm, { ...input, package: "org.example.raw", version: "0.3.0" });
    expect(await open.applications.latest("org.example.raw")).toEqual({ applicationId: id, version: "0.3.0" });
    await open.store.close();
  });

  test.each([
    ["what is no module", new TextEncoder().encode("#!/bin/sh"), { kind: "UnknownFormat", code: "invalid_argument" }],
    ["nothing", new Uint8Array(), { kind: "UnknownFormat" }],
    ["a module that is cut off", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 9), { kind: "CompilationError" }],
    ["a module without memory", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), { kind: "ModuleValidationError" }],
  ])("is refused: %s", async (_, bytes, why) => {
    open = await openApplications(temporaryDirectory());
    await expect(install(open, bytes)).rejects.toMatchObject({ code: "invalid_argument", ...why });
    expect(await open.applications.list()).toEqual([]);
    await open.store.close();
  });

  test("is refused beyond the limit", async () => {
    const small = { archiveBytes: 1000, unpackedBytes: 1000, entries: 9, manifestScanBytes: 1000, abiBytes: 10 };
    open = await openApplications(temporaryDirectory(), { limits: { ...small, moduleBytes: wasm.length - 1 } });
    await expect(install(open, wasm)).rejects.toMatchObject({ code: "payload_too_large", kind: "FileTooLarge" });
    await open.store.close();
  });
});

describe("a bundle", () => {
  beforeAll(async () => {
    open = await openApplications(temporaryDirectory());
  });
  afterAll(() => open.store.close());

  test.each(["plain", "domain"] as const)(
    "signed in the %s form is installed under its package and signer",
    async (form) => {
      const by = newSigner();
      const name = `org.example.${form}`;
      const abi = JSON.stringify({ schema_version: "wasm-abi/1", methods: [{ name: "get" }] });
      const manifest = manifestFor(wasm, {
        package: name,
        abi: artifact("abi.json", Buffer.from(abi)),
        links: { docs: "https://example.org" },
        _note: "not signed",
        unknown: { members: ["are", "signed"] },
      });
      const archive = await bundleOf(signed(manifest, by, form), {
        "app.wasm": wasm,
        "abi.json": abi,
        "README.md": "hello",
      });
      const id = await install(open, archive);
      expect(id).toBe(base58.encode(sha256(new BorshWriter().string(name).string(by.id).done())));
      const application = await open.applications.get(id);
      expect(application).toMatchObject({
        package: name,
        version: "1.0.0",
        signerId: by.id,
        size: archive.length,
        source: "upload",
        modules: [{ service: "default", hash: hexOf(wasm), abi, methods: ["get", "init"] }],
      });
      expect(JSON.parse(text(application?.metadata))).toMatchObject({
        name: "Notes",
        links: { docs: "https://example.org" },
      });
    },
  );

  test("may be unsigned, and hold several services", async () => {
    const chat = await moduleNamed("chat");
    const manifest = manifestFor(wasm, {
      package: "org.example.services",
      wasm: undefined,
      services: [
        { name: "store", wasm: artifact("s/store.wasm", wasm) },
        { name: "chat", wasm: artifact("s/chat.wasm", chat) },
      ],
    });
    const id = await install(open, await bundleOf(manifest, { "s/store.wasm": wasm, "./s/chat.wasm": chat }));
    expect((await open.applications.get(id))?.modules).toMatchObject([
      { service: "store", methods: ["get", "init"] },
      { service: "chat", methods: ["chat", "init"] },
    ]);
    expect((await open.applications.get(id))?.signerId).toBeUndefined();
  });

  test("has to be what the installer said it is", async () => {
    const archive = await notes("1.0.0", "get");
    for (const [field, value] of [
      ["package", "org.example.other"],
      ["version", "2.0.0"],
    ] as const) {
      await expect(install(open, archive, { ...input, [field]: value })).rejects.toMatchObject({
        code: "invalid_argument",
        field,
      });
    }
    await install(open, archive, { ...input, package: "org.example.notes", version: "1.0.0" });
  });

  test("whose module is refused is refused as a whole", async () => {
    const bad = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const manifest = signed(manifestFor(bad, { package: "org.example.bad" }), signer);
    await expect(install(open, await bundleOf(manifest, { "app.wasm": bad }))).rejects.toMatchObject({
      kind: "ModuleValidationError",
    });
    expect(await open.applications.versions("org.example.bad")).toEqual([]);
  });

  test("that is nowhere is not found", async () => {
    const nowhere = base58.encode(sha256(textKey("nowhere"))) as BlobId;
    await expect(open.applications.installFromBlob(nowhere, input)).rejects.toMatchObject({ code: "not_found" });
    for (const path of ["/nowhere/app.wasm", temporaryDirectory()]) {
      await expect(open.applications.installFromPath(path, input)).rejects.toMatchObject({
        code: "invalid_argument",
        field: "path",
      });
    }
  });
});

describe("versions", () => {
  test("share an id; the newest by semver is the latest, in whatever order they came, also after a restart", async () => {
    const path = temporaryDirectory();
    open = await openApplications(path);
    const ids = new Set<ApplicationId>();
    for (const version of ["1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0"]) {
      ids.add(await install(open, await notes(version, `v${version.replaceAll(/\W/g, "_")}`)));
    }
    const [id] = [...ids] as [ApplicationId];
    expect(ids.size).toBe(1);
    const check = async ({ applications }: OpenApplications): Promise<void> => {
      expect(await applications.packages()).toEqual(["org.example.notes"]);
      expect(await applications.versions("org.example.notes")).toEqual(["2.0.0-rc.1", "1.10.0", "1.9.0", "1.2.0"]);
      expect(await applications.latest("org.example.notes")).toEqual({ applicationId: id, version: "2.0.0-rc.1" });
      expect(await applications.latest("org.example.none")).toBeUndefined();
      expect((await applications.get(id))?.modules[0]?.methods).toEqual(["init", "v2_0_0_rc_1"]);
      expect((await applications.get(id, "1.2.0"))?.modules[0]?.methods).toEqual(["init", "v1_2_0"]);
      expect(await applications.get(id, "9.9.9")).toBeUndefined();
      expect(await applications.list()).toHaveLength(1);
      const history = await applications.history(id);
      expect(history.map(({ version }) => version)).toEqual(["2.0.0-rc.1", "1.10.0", "1.9.0", "1.2.0"]);
    };
    await check(open);
    await open.store.close();
    open = await openApplications(path);
    await check(open);
    await open.store.close();
  });

  test("stay with their signer", async () => {
    open = await openApplications(temporaryDirectory());
    const id = await install(open, await notes("1.0.0", "get"));
    const changed = { kind: "SignerChanged", code: "conflict" };
    await expect(install(open, await notes("1.1.0", "get", newSigner()))).rejects.toMatchObject(changed);
    const unsigned = await bundleOf(manifestFor(wasm, { appVersion: "1.1.0" }), { "app.wasm": wasm });
    await expect(install(open, unsigned)).rejects.toMatchObject(changed);
    // Nor may a raw module take the name.
    const raw = { ...input, package: "org.example.notes", version: "1.1.0" };
    await expect(install(open, wasm, raw)).rejects.toThrow(BundleError);
    expect(await open.applications.versions("org.example.notes")).toEqual(["1.0.0"]);
    expect(await install(open, await notes("1.1.0", "more"))).toBe(id);
    await open.store.close();
  });

  test("an unsigned package may become a signed one, and then stays so", async () => {
    open = await openApplications(temporaryDirectory());
    const unsigned = await bundleOf(manifestFor(wasm), { "app.wasm": wasm });
    await install(open, unsigned);
    await install(open, await notes("1.1.0", "get"));
    await expect(install(open, unsigned)).rejects.toMatchObject({ kind: "SignerChanged" });
    await open.store.close();
  });

  test("installed at the same time leave one of each", async () => {
    open = await openApplications(temporaryDirectory());
    const archives = await Promise.all([notes("1.0.0", "a"), notes("1.1.0", "b"), notes("1.0.0", "a")]);
    const ids = await Promise.all(archives.map((archive) => install(open, archive)));
    expect(new Set(ids).size).toBe(1);
    expect(await open.applications.versions("org.example.notes")).toEqual(["1.1.0", "1.0.0"]);
    await open.store.close();
  });
});

describe("blobs of an application", () => {
  test("are kept while it is installed, and go after it", async () => {
    open = await openApplications(temporaryDirectory());
    const id = await install(open, await notes("1.0.0", "get"));
    const application = await open.applications.get(id);
    const module = application?.modules[0];
    const ids = [application?.blob, module?.bytecode, module?.prepared] as BlobId[];
    for (const blob of ids) await expect(open.blobs.delete(blob)).rejects.toMatchObject({ code: "conflict" });
    await open.blobs.collectUnreferenced({ limit: 1_000, dryRun: false });
    for (const blob of ids) expect(await open.blobs.info(blob)).toBeDefined();
    expect(await open.applications.uninstall(id)).toBe(true);
    expect(await open.applications.get(id)).toBeUndefined();
    expect(await open.applications.packages()).toEqual([]);
    expect(await open.applications.uninstall(id)).toBe(false);
    await open.blobs.collectUnreferenced({ limit: 1_000, dryRun: false });
    // The archive was uploaded, and stays until its uploader deletes it.
    expect((await open.blobs.list()).map(({ blobId }) => blobId)).toEqual([application?.blob]);
    await open.store.close();
  });

  test("of a version that was built anew are let go", async () => {
    open = await openApplications(temporaryDirectory());
    const id = await install(open, await notes("1.0.0", "old"));
    const before = (await open.applications.get(id))?.modules[0]?.bytecode as BlobId;
    await install(open, await notes("1.0.0", "new"));
    expect((await open.applications.get(id))?.modules[0]?.methods).toEqual(["init", "new"]);
    expect(await open.blobs.owners(before)).toEqual([]);
    await open.store.close();
  });

  test("that were pinned by an installation which failed are garbage", async () => {
    open = await openApplications(temporaryDirectory());
    const path = join(temporaryDirectory(), "bad.wasm");
    writeFileSync(path, Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    await expect(open.applications.installFromPath(path, input)).rejects.toThrow(/memory/);
    expect(await open.blobs.collectUnreferenced({ limit: 1_000, dryRun: false })).toMatchObject({ blobs: 1 });
    await open.store.close();
  });
});

test("an application that a context runs is not uninstalled", async () => {
  const used = new Set<ApplicationId>();
  open = await openApplications(temporaryDirectory(), { isInUse: (id) => Promise.resolve(used.has(id)) });
  const id = await install(open, wasm);
  used.add(id);
  await expect(open.applications.uninstall(id)).rejects.toMatchObject({ code: "conflict" });
  used.clear();
  expect(await open.applications.uninstall(id)).toBe(true);
  await open.store.close();
});

test("what workers run is made again when the instrumenter is another", async () => {
  const path = temporaryDirectory();
  open = await openApplications(path);
  const id = await install(open, await notes("1.0.0", "get"));
  const before = await open.applications.get(id);
  // As an older node left it: prepared by an instrumenter that wrote something else.
  const key = keyOf(Uint8Array.of(0), bytesOf(id), textKey("1.0.0"));
  const stale = await open.blobs.add(pieces(Buffer.from("prepared long ago")));
  const record = JSON.parse(text(open.store.get("application", key))) as {
    instrumenter: number;
    modules: { prepared: string }[];
  };
  expect(record.instrumenter).toBe(INSTRUMENTER_VERSION);
  record.instrumenter = INSTRUMENTER_VERSION - 1;
  for (const module of record.modules) module.prepared = stale.blobId;
  await open.store.apply([{ column: "application", key, value: textKey(JSON.stringify(record)) }]);
  await open.store.close();

  open = await openApplications(path);
  expect((await open.applications.list())[0]?.modules[0]?.prepared).toBe(stale.blobId);
  const [one, two] = await Promise.all([open.applications.get(id), open.applications.get(id)]);
  expect(one).toEqual(before);
  expect(two).toBe(one);
  expect(JSON.parse(text(open.store.get("application", key)))).toMatchObject({ instrumenter: INSTRUMENTER_VERSION });
  expect(await open.blobs.owners(stale.blobId)).toEqual(["upload"]);
  await open.store.close();
});
