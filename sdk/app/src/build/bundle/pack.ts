/** A compiled app as its author publishes it: module, ABI and a signed manifest in one archive. */
import { createHash } from "node:crypto";
import {
  type BundleArtifact,
  MANIFEST_PATH,
  MANIFEST_VERSION,
  manifestDigest,
  manifestPayload,
  parseManifest,
} from "@shoal/shared/wire/bundle.ts";
import { signerIdOf } from "@shoal/shared/wire/signer-id.ts";
import { archive, type ArchiveFile } from "./archive.ts";
import type { Description } from "./description.ts";
import type { SigningKey } from "./signing-key.ts";

const WASM = "app.wasm";
const ABI = "abi.json";

/** Bytes of the `.mpk`: the same for the same parts. */
export async function packed(
  { package: name, version, links, ...metadata }: Description,
  wasm: Uint8Array,
  abi: Uint8Array,
  key: SigningKey,
): Promise<Uint8Array> {
  const files: readonly ArchiveFile[] = [
    { name: WASM, content: wasm },
    { name: ABI, content: abi },
  ];
  const unsigned = {
    version: MANIFEST_VERSION,
    package: name,
    appVersion: version,
    signerId: signerIdOf(key.publicKey),
    metadata,
    wasm: artifactOf(WASM, wasm),
    abi: artifactOf(ABI, abi),
    migrations: [],
    ...(links === undefined ? {} : { links }),
  };
  const signature = {
    algorithm: "ed25519",
    publicKey: base64url(key.publicKey),
    signature: base64url(key.sign(manifestDigest(manifestPayload(unsigned)))),
  };
  const manifest = parseManifest({ ...unsigned, signature });
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  // The manifest comes first, so that a reader need not look far.
  return archive([{ name: MANIFEST_PATH, content: new TextEncoder().encode(text) }, ...files]);
}

function artifactOf(path: string, content: Uint8Array): BundleArtifact {
  return { path, hash: createHash("sha256").update(content).digest("hex"), size: content.length };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
