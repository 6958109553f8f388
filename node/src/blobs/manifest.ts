/**
 * What the `blobs` column holds. One kind byte, then:
 *   `0 ‖ blob`          size as u64, then the ids of the chunks: the manifest
 *   `1 ‖ blob ‖ owner`  a reference: who keeps the blob, by name
 *   `2 ‖ chunk ‖ blob`  the chunk is part of the blob
 *   `3 ‖ blob`          to be looked at by the collector: a reference was taken away, or never given
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ID_BYTES } from "../model/ids.ts";
import { sha256 } from "../model/sha256.ts";
import { keyOf, prefixRange, textKey } from "../storage/keys.ts";
import type { Row } from "../storage/store.ts";

export interface Manifest {
  readonly size: number;
  readonly chunks: readonly Uint8Array[];
}

const MANIFEST = Uint8Array.of(0);
const REFERENCE = Uint8Array.of(1);
const CHUNK = Uint8Array.of(2);
const CANDIDATE = Uint8Array.of(3);
const NOTHING = new Uint8Array();
const SIZE_BYTES = 8;

/** SHA-256 over the ids of the chunks. */
export function blobIdOf(chunks: readonly Uint8Array[]): Uint8Array {
  return sha256(...chunks);
}

export const manifestKey = (blob: Uint8Array): Uint8Array => keyOf(MANIFEST, blob);
export const manifestPrefix = MANIFEST;
export const candidatePrefix = CANDIDATE;
/** All references of all blobs. */
export const referenceRange = prefixRange(REFERENCE);
/** Before the owner's name in a key of a reference. */
export const referencePrefix = (blob: Uint8Array): Uint8Array => keyOf(REFERENCE, blob);
export const referenceKey = (blob: Uint8Array, owner: string): Uint8Array => keyOf(REFERENCE, blob, textKey(owner));
export const chunkPrefix = (chunk: Uint8Array): Uint8Array => keyOf(CHUNK, chunk);
/** The blob of a manifest's or candidate's key; with the owner behind it, of a reference's. */
export const blobOfKey = (key: Uint8Array): Uint8Array => key.subarray(1);
/** The owner of a reference's key. */
export const ownerOfKey = (key: Uint8Array): string => new TextDecoder().decode(key.subarray(1 + ID_BYTES));

function encodeManifest({ size, chunks }: Manifest): Uint8Array {
  const bytes = Buffer.alloc(SIZE_BYTES + chunks.length * ID_BYTES);
  bytes.writeBigUInt64BE(BigInt(size));
  for (const [at, chunk] of chunks.entries()) bytes.set(chunk, SIZE_BYTES + at * ID_BYTES);
  return bytes;
}

export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length < SIZE_BYTES || (bytes.length - SIZE_BYTES) % ID_BYTES !== 0) {
    throw new ShoalError("internal", "a blob's manifest is damaged");
  }
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
  const chunks: Uint8Array[] = [];
  for (let at = SIZE_BYTES; at < bytes.length; at += ID_BYTES) chunks.push(bytes.slice(at, at + ID_BYTES));
  return { size, chunks };
}

const row = (key: Uint8Array, value: Uint8Array | undefined): Row => ({ column: "blobs", key, value });

/** Rows of a blob whose chunks are on disk, without a reference. */
export function manifestRows(blob: Uint8Array, manifest: Manifest): readonly Row[] {
  return [
    row(manifestKey(blob), encodeManifest(manifest)),
    row(keyOf(CANDIDATE, blob), NOTHING),
    ...manifest.chunks.map((chunk) => row(keyOf(CHUNK, chunk, blob), NOTHING)),
  ];
}

/** Takes away everything that `manifestRows` put. */
export function forgetRows(blob: Uint8Array, manifest: Manifest): readonly Row[] {
  return [
    row(manifestKey(blob), undefined),
    row(keyOf(CANDIDATE, blob), undefined),
    ...manifest.chunks.map((chunk) => row(keyOf(CHUNK, chunk, blob), undefined)),
  ];
}

/**
 * `owner` (`application:<id>`, `context:<id>`, `shared:<id>`, `upload`) keeps `blob`. To be applied in one batch with what makes it refer,
 * while `Blobs.pin` is held where the blob was there before.
 */
export function addReference(blob: Uint8Array, owner: string): readonly Row[] {
  return [row(referenceKey(blob, owner), NOTHING)];
}

/** `owner` keeps `blob` no more; the collector then looks whether anybody does. */
export function removeReference(blob: Uint8Array, owner: string): readonly Row[] {
  return [row(referenceKey(blob, owner), undefined), row(keyOf(CANDIDATE, blob), NOTHING)];
}

/** Nothing to look at here any more. */
export function clearCandidate(blob: Uint8Array): Row {
  return row(keyOf(CANDIDATE, blob), undefined);
}
