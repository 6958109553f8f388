/**
 * A page of bytes as it travels: compressed where that makes it smaller, announced with its size, and with the hash of what is
 * in it, so that what arrives is what was sent or is refused. Relies on a library that runs in a browser as well.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { deflateSync, inflateSync } from "fflate";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { sha256 } from "../../model/sha256.ts";

/** Bytes of a page before it is compressed. */
export const MAX_PAGE = 4 * 1024 * 1024;

const STORED = 0;
const DEFLATED = 1;
/**
 * State is ids, hashes and ciphertext for the most part: harder work, or larger tables, win less than a percent
 * and take two to three times as long.
 */
const EFFORT = { level: 1, mem: 4 } as const;
/** Bytes that are packed to see whether packing is worth it. */
const SAMPLE = 16 * 1024;
/** Share of its size to which a page must shrink. */
const WORTH = 0.9;

/** Throws `payload_too_large` beyond `limit` bytes. */
export function packPage(raw: Uint8Array, limit = MAX_PAGE): Uint8Array {
  if (raw.length > limit) throw new ShoalError("payload_too_large", `a page of at most ${limit} bytes expected`);
  const packed = isWorthIt(raw) ? deflateSync(raw, EFFORT) : raw;
  const isSmaller = packed.length < raw.length * WORTH;
  return new BorshWriter()
    .u8(isSmaller ? DEFLATED : STORED)
    .u32(raw.length)
    .fixed(sha256(raw))
    .bytes(isSmaller ? packed : raw)
    .done();
}

function isWorthIt(raw: Uint8Array): boolean {
  if (raw.length <= SAMPLE * 2) return raw.length > 0;
  const middle = Math.floor((raw.length - SAMPLE) / 2);
  return deflateSync(raw.subarray(middle, middle + SAMPLE), EFFORT).length < SAMPLE * WORTH;
}

/** Throws `payload_too_large` for a page announced beyond `limit`, `invalid_argument` for one that is not what was packed. */
export function unpackPage(page: Uint8Array, limit = MAX_PAGE): Uint8Array {
  const reader = new BorshReader(page);
  const isDeflated = reader.tag(2) === DEFLATED;
  const size = reader.u32();
  if (size > limit) throw new ShoalError("payload_too_large", `a page of at most ${limit} bytes expected`);
  const hash = reader.fixed(32);
  const packed = reader.bytes();
  reader.end();
  const raw = isDeflated ? inflate(packed, size) : packed;
  if (raw.length !== size || Buffer.compare(sha256(raw), hash) !== 0) throw spoilt();
  return raw;
}

/** What lies beyond `size` is dropped, never kept: the hash finds out. */
function inflate(packed: Uint8Array, size: number): Uint8Array {
  // A page that was worth packing is smaller packed.
  if (packed.length >= size) throw spoilt();
  try {
    return inflateSync(packed, { out: new Uint8Array(size) });
  } catch (cause) {
    throw spoilt(cause);
  }
}

const spoilt = (cause?: unknown): ShoalError =>
  new ShoalError("invalid_argument", "the page is not what was packed", { field: "page", cause });
