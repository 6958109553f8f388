/**
 * A bundle from its bytes: first the manifest, which has to come early, then every file that it names, against its size and
 * hash. Modules and interfaces are kept in memory; whatever else there is was only verified.
 */
import { createHash } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { type BundleArtifact, type BundleManifest, MANIFEST_PATH, parseManifest } from "@shoal/shared/wire/bundle.ts";
import { type ArchiveFile, walkArchive } from "./archive.ts";
import { BundleError } from "./error.ts";
import type { BundleLimits } from "./limits.ts";
import { signerOf } from "./signature.ts";

export interface BundleModule {
  readonly service: string;
  readonly wasm: Uint8Array;
  readonly abi?: string;
}

export interface Bundle {
  readonly manifest: BundleManifest;
  /** `did:key:…`; undefined for an unsigned bundle. */
  readonly signerId: string | undefined;
  readonly modules: readonly BundleModule[];
}

/** What an application of one module calls it. */
export const DEFAULT_SERVICE = "default";

/** `archive` opens the same bytes each time. Throws `BundleError`, or the signal's reason. */
export async function readBundle(
  archive: () => AsyncIterable<Uint8Array>,
  limits: BundleLimits,
  signal: AbortSignal,
): Promise<Bundle> {
  const raw = await readManifest(archive(), limits, signal);
  const manifest = checkedManifest(raw);
  const signerId = signerOf(raw, manifest);
  const files = await readFiles(archive(), manifest, limits, signal);
  const contentOf = ({ path }: BundleArtifact): Uint8Array => files.get(path) ?? new Uint8Array();
  const modules = modulesOf(manifest).map(({ service, wasm, abi }) => ({
    service,
    wasm: contentOf(wasm),
    ...(abi ? { abi: abiText(abi.path, contentOf(abi)) } : {}),
  }));
  return { manifest, signerId, modules };
}

async function readManifest(
  archive: AsyncIterable<Uint8Array>,
  limits: BundleLimits,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  let found: Uint8Array | undefined;
  const scan = { unpackedBytes: limits.manifestScanBytes, entries: limits.entries };
  try {
    await walkArchive(
      archive,
      scan,
      async (file) => {
        if (file.name !== MANIFEST_PATH) return;
        found = await contentOf(file);
        return "stop";
      },
      signal,
    );
  } catch (thrown) {
    // More than may be scanned: the archive as a whole may still be within its limits.
    if (!(thrown instanceof BundleError) || thrown.kind !== "ArchiveTooLarge") throw thrown;
  }
  if (found === undefined) {
    throw new BundleError(
      "ManifestMissing",
      `no ${MANIFEST_PATH} within the first ${limits.manifestScanBytes} bytes of the archive`,
    );
  }
  return parseObject(found);
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    throw new BundleError("ManifestInvalid", `${MANIFEST_PATH} is not JSON`, { field: "manifest", cause });
  }
  throw new BundleError("ManifestInvalid", `${MANIFEST_PATH} is not a JSON object`, { field: "manifest" });
}

function checkedManifest(raw: unknown): BundleManifest {
  try {
    return parseManifest(raw);
  } catch (cause) {
    if (!(cause instanceof ShoalError)) throw cause;
    throw new BundleError("ManifestInvalid", cause.message, { field: cause.field ?? "manifest", cause });
  }
}

interface NamedModule {
  readonly service: string;
  readonly wasm: BundleArtifact;
  readonly abi: BundleArtifact | null | undefined;
}

/** The services where there are any; else the one module. */
function modulesOf({ services, wasm, abi }: BundleManifest): readonly NamedModule[] {
  if (services && services.length > 0) {
    return services.map((service) => ({ service: service.name, wasm: service.wasm, abi: service.abi }));
  }
  return wasm ? [{ service: DEFAULT_SERVICE, wasm, abi }] : [];
}

interface Expected {
  readonly artifact: BundleArtifact;
  readonly maxBytes: number;
  readonly keep: boolean;
}

/** Every file that the manifest names, by path. */
function expectedFiles(manifest: BundleManifest, limits: BundleLimits): ReadonlyMap<string, Expected> {
  const expected = new Map<string, Expected>();
  const add = (artifact: BundleArtifact | null | undefined, maxBytes: number, keep: boolean): void => {
    if (!artifact) return;
    const known = expected.get(artifact.path);
    if (known !== undefined && (known.artifact.size !== artifact.size || known.artifact.hash !== artifact.hash)) {
      throw new BundleError("ManifestInvalid", `${artifact.path} is named twice, with different contents`, {
        field: "manifest",
      });
    }
    if (artifact.size > maxBytes) {
      throw new BundleError(
        "FileTooLarge",
        `${artifact.path} has ${artifact.size} bytes, at most ${maxBytes} are allowed`,
      );
    }
    if (manifest.signature && !artifact.hash) {
      throw new BundleError("HashMissing", `${artifact.path} has no hash, so that the signature does not cover it`);
    }
    expected.set(artifact.path, { artifact, maxBytes, keep: keep || known?.keep === true });
  };
  for (const { wasm, abi } of modulesOf(manifest)) {
    add(wasm, limits.moduleBytes, true);
    add(abi, limits.abiBytes, true);
  }
  add(manifest.wasm, limits.moduleBytes, false);
  add(manifest.abi, limits.abiBytes, false);
  for (const migration of manifest.migrations ?? []) add(migration, limits.moduleBytes, false);
  return expected;
}

async function readFiles(
  archive: AsyncIterable<Uint8Array>,
  manifest: BundleManifest,
  limits: BundleLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const expected = expectedFiles(manifest, limits);
  const kept = new Map<string, Uint8Array>();
  const seen = new Set<string>();
  await walkArchive(
    archive,
    limits,
    async (file) => {
      const wanted = expected.get(file.name);
      if (wanted === undefined) return;
      const { artifact, keep } = wanted;
      if (file.size !== artifact.size) {
        throw new BundleError(
          "SizeMismatch",
          `${file.name} has ${file.size} bytes, the manifest says ${artifact.size}`,
        );
      }
      const content = await contentOf(file);
      const hash = createHash("sha256").update(content).digest("hex");
      if (artifact.hash && hash !== artifact.hash) {
        throw new BundleError(
          "HashMismatch",
          `${file.name} has the SHA-256 ${hash}, the manifest says ${artifact.hash}`,
        );
      }
      seen.add(file.name);
      if (keep) kept.set(file.name, content);
      return;
    },
    signal,
  );
  for (const path of expected.keys()) {
    if (!seen.has(path)) throw new BundleError("FileMissing", `${path} is in the manifest and not in the archive`);
  }
  return kept;
}

/** The walk counts what comes, so that this is bounded by what may be unpacked. */
async function contentOf({ content }: ArchiveFile): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

function abiText(path: string, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new BundleError("AbiInvalid", `${path} is not JSON`, { cause });
  }
}
