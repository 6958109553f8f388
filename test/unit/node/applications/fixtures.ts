/** Real archives and modules, a node's applications in a directory, and an HTTP server for whatever a test serves. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { ApplicationStore, type ApplicationStoreOptions } from "@shoal/node/applications/applications.ts";
import { manifestDigest, manifestPayload } from "@shoal/shared/wire/bundle.ts";
import { signerIdOf } from "@shoal/shared/wire/signer-id.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { type Header, pack } from "tar-stream";
import { openBlobs, type OpenBlobs } from "../blobs/open-blobs.ts";
import { wat } from "../../../support/wat.ts";

export interface Signer {
  readonly key: KeyObject;
  readonly publicKey: Buffer;
  readonly id: string;
}

export function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  return { key: privateKey, publicKey: raw, id: signerIdOf(raw) };
}

/** A module whose methods are `init` and `name`. */
export const moduleNamed = (name: string): Promise<Uint8Array> =>
  wat(`(module (memory (export "memory") 1) (func (export "init")) (func (export "${name}")))`);

export const hexOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

type Json = Record<string, unknown>;

export const artifact = (path: string, content: Uint8Array): Json => ({
  path,
  hash: hexOf(content),
  size: content.length,
});

/** The manifest of one module `app.wasm`. */
export const manifestFor = (wasm: Uint8Array, more: Json = {}): Json => ({
  version: "1.0",
  package: "org.example.notes",
  appVersion: "1.0.0",
  metadata: { name: "Notes", description: "keeps notes" },
  wasm: artifact("app.wasm", wasm),
  ...more,
});

export function signed(manifest: Json, signer: Signer, form: "plain" | "domain" = "plain"): Json {
  const whole = { signerId: signer.id, ...manifest };
  const signature = sign(null, manifestDigest(manifestPayload(whole), form), signer.key);
  return {
    ...whole,
    signature: {
      algorithm: "ed25519",
      publicKey: signer.publicKey.toString("base64url"),
      signature: signature.toString("base64url"),
    },
  };
}

export interface Entry {
  readonly name: string;
  readonly content?: Uint8Array | string;
  readonly header?: Partial<Header>;
}

export async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const packed = pack();
  for (const { name, content, header } of entries) {
    if (content === undefined) packed.entry({ name, ...header });
    else packed.entry({ name, ...header }, Buffer.from(content));
  }
  packed.finalize();
  return buffer(packed);
}

export const mpk = async (entries: readonly Entry[]): Promise<Buffer> => gzipSync(await tar(entries));

/** `manifest.json` and the modules that go with it. */
export const bundleOf = (manifest: Json, files: Readonly<Record<string, Uint8Array | string>>): Promise<Buffer> =>
  mpk([
    { name: "manifest.json", content: JSON.stringify(manifest) },
    ...Object.entries(files).map(([name, content]) => ({ name, content })),
  ]);

export interface OpenApplications extends OpenBlobs {
  readonly applications: ApplicationStore;
}

export async function openApplications(
  path: string,
  more: Partial<ApplicationStoreOptions> = {},
): Promise<OpenApplications> {
  const open = await openBlobs(path);
  const { store, blobs } = open;
  const applications = await ApplicationStore.open({
    store,
    blobs,
    clock: systemClock,
    maxMemoryPages: 1024,
    isInUse: () => Promise.resolve(false),
    ...more,
  });
  return { ...open, applications };
}

/** Serves on loopback; `stop` ends it with all its connections. */
export async function serve(
  listener: RequestListener,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
