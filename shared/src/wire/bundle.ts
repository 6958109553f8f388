/**
 * The manifest of an application bundle (`.mpk`: a gzip tar of `manifest.json`, modules and their abi files), as its author
 * signs it and a node reads it. Members that a reader does not know are kept: they are signed like the others, so what is
 * signed and verified is always the manifest as it was read, never what the schema made of it.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { canonicalJson } from "../base/canonical-json.ts";
import { ShoalError } from "../base/errors.ts";
import { isSemver } from "../base/semver.ts";

/** Bytes that a reader looks through for the manifest before it gives up. */
export const MANIFEST_SCAN_MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of the whole archive. */
export const BUNDLE_MAX_BYTES = 512 * 1024 * 1024;
export const MANIFEST_PATH = "manifest.json";
/** What Shoal's tools write into `version`: the format of the manifest. */
export const MANIFEST_VERSION = "1.0";

const PATH_MAX_LENGTH = 255;
const LIST_MAX_LENGTH = 64;

/** A file's place in the archive: relative, and no way out of it. */
const ArtifactPath = z
  .string()
  .max(PATH_MAX_LENGTH)
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[\w@+. -]+(?:\/[\w@+. -]+)*$/, "expected a relative path within the bundle");

const BundleArtifact = z.looseObject({
  path: ArtifactPath,
  /** SHA-256 of the file, lower-case hex. */
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits")
    .nullish(),
  size: z.int().nonnegative().max(BUNDLE_MAX_BYTES),
});
export type BundleArtifact = z.infer<typeof BundleArtifact>;

const BundleService = z.looseObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "expected 1 to 64 letters, digits, _ and -"),
  wasm: BundleArtifact,
  abi: BundleArtifact.nullish(),
});

const BundleSignature = z.looseObject({
  algorithm: z.literal("ed25519"),
  /** 32 bytes, base64url without padding. */
  publicKey: z.string().regex(/^[\w-]{43}$/, "expected base64url of 32 bytes"),
  /** 64 bytes, base64url without padding. */
  signature: z.string().regex(/^[\w-]{86}$/, "expected base64url of 64 bytes"),
  signedAt: z.string().max(64).nullish(),
});
export type BundleSignature = z.infer<typeof BundleSignature>;

/** Reverse DNS: `org.example.notes`. */
export const PACKAGE_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})){1,9}$/;

export const BundleManifest = z
  .looseObject({
    version: z.string().min(1).max(32),
    package: z.string().max(PATH_MAX_LENGTH).regex(PACKAGE_PATTERN, "expected reverse DNS, such as org.example.notes"),
    appVersion: z.string().refine(isSemver, "expected a semantic version, such as 1.4.0"),
    /** `did:key:z…`; see `signer-id.ts`. */
    signerId: z.string().max(PATH_MAX_LENGTH).nullish(),
    minRuntimeVersion: z.string().max(32).nullish(),
    metadata: z
      .looseObject({
        name: z.string().nullish(),
        description: z.string().nullish(),
        author: z.string().nullish(),
        icon: z.string().nullish(),
        tags: z.array(z.string()).max(LIST_MAX_LENGTH).nullish(),
        license: z.string().nullish(),
      })
      .nullish(),
    interfaces: z
      .looseObject({
        exports: z.array(z.string()).max(LIST_MAX_LENGTH).nullish(),
        uses: z.array(z.string()).max(LIST_MAX_LENGTH).nullish(),
      })
      .nullish(),
    wasm: BundleArtifact.nullish(),
    abi: BundleArtifact.nullish(),
    services: z.array(BundleService).max(LIST_MAX_LENGTH).nullish(),
    migrations: z.array(BundleArtifact).max(LIST_MAX_LENGTH).nullish(),
    links: z
      .looseObject({ frontend: z.string().nullish(), github: z.string().nullish(), docs: z.string().nullish() })
      .nullish(),
    signature: BundleSignature.nullish(),
  })
  .refine((manifest) => Boolean(manifest.wasm) || (manifest.services ?? []).length > 0, {
    path: ["wasm"],
    message: "expected a module, or services with theirs",
  })
  .refine((manifest) => new Set(manifest.services?.map(({ name }) => name)).size === (manifest.services ?? []).length, {
    path: ["services"],
    message: "expected each service once",
  });
export type BundleManifest = z.infer<typeof BundleManifest>;

/** A manifest that came from outside; throws `invalid_argument` with the member at fault as its field. */
export function parseManifest(value: unknown): BundleManifest {
  const parsed = BundleManifest.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = ["manifest", ...(issue?.path ?? [])].join(".");
  throw new ShoalError("invalid_argument", `${field}: ${issue?.message ?? "not a manifest"}`, { field });
}

/**
 * What a signature covers: the canonical JSON (RFC 8785) of the manifest as it was read, without `signature` and without the
 * members whose name starts with `_`. Throws `invalid_argument` for what canonical JSON cannot carry.
 */
export function manifestPayload(manifest: Readonly<Record<string, unknown>>): Uint8Array {
  const covered = Object.entries(manifest).filter(([key]) => key !== "signature" && !key.startsWith("_"));
  let text;
  try {
    text = canonicalJson(Object.fromEntries(covered));
  } catch (cause) {
    throw new ShoalError("invalid_argument", "the manifest has no canonical JSON", { field: "manifest", cause });
  }
  if (LONE_SURROGATE.test(text)) {
    throw new ShoalError("invalid_argument", "the manifest has text that is no Unicode", { field: "manifest" });
  }
  return utf8ToBytes(text);
}

/** JSON text escapes half a surrogate pair and nothing else of that range; RFC 8785 (3.2.2.2) refuses it. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

const G4_DOMAIN = utf8ToBytes("calimero.bundle.manifest.v1\0");

/**
 * The 32 bytes that Ed25519 signs. `plain` is what bundles of the first three generations carry and what Shoal's tools write;
 * `domain` puts a domain before the payload, as later ones do.
 */
export function manifestDigest(payload: Uint8Array, form: "plain" | "domain" = "plain"): Uint8Array {
  return sha256(form === "plain" ? payload : concatBytes(G4_DOMAIN, payload));
}
