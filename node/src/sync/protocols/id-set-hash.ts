/**
 * The hash of a set of ids: the sum of all ids, each spread to 2048 bits, whatever their order. Sums are what makes ranges
 * cheap (a whole is the sum of its parts) and also where such hashes break: exclusive or falls to linear algebra, and a sum of
 * 256 bits to the generalised birthday attack (Wagner 2002) with some hundred ids of the attacker's choice in 2^36 steps. To
 * find two sets of up to a million ids with equal sums of 2048 bits takes more than 2^100 steps by the best attack known.
 *
 * An id is spread by the ChaCha function of 12 rounds with the id for a key: a fixed, public, non-linear map. Lanes add without
 * carries, which costs an attack 64 equations in as many ids and is within the margin.
 */
import { sha256 } from "../../model/sha256.ts";

/** Words of a sum. */
export const LANES = 64;
/** Words of an id. Words are big-endian, so that they compare as the bytes do. */
export const ID_WORDS = 8;

const BLOCK_WORDS = 16;
const DOUBLE_ROUNDS = 6;
/** "shoal-ids-v1.set", in place of ChaCha's constant. */
const CONSTANT = [0x73686f61, 0x6c2d6964, 0x732d7631, 0x2e736574] as const;

const start = new Uint32Array(BLOCK_WORDS);
const state = new Uint32Array(BLOCK_WORDS);

/** Fills `spread` (`LANES` words) from the id in `words` at `at`. */
export function spreadId(words: Uint32Array, at: number, spread: Uint32Array): void {
  start.set(CONSTANT);
  for (let word = 0; word < ID_WORDS; word++) start[4 + word] = words[at + word]!;
  for (let block = 0; block * BLOCK_WORDS < LANES; block++) {
    start[12] = block;
    state.set(start);
    for (let round = 0; round < DOUBLE_ROUNDS; round++) {
      quarter(0, 4, 8, 12);
      quarter(1, 5, 9, 13);
      quarter(2, 6, 10, 14);
      quarter(3, 7, 11, 15);
      quarter(0, 5, 10, 15);
      quarter(1, 6, 11, 12);
      quarter(2, 7, 8, 13);
      quarter(3, 4, 9, 14);
    }
    for (let word = 0; word < BLOCK_WORDS; word++) spread[block * BLOCK_WORDS + word] = state[word]! + start[word]!;
  }
}

function quarter(ia: number, ib: number, ic: number, id: number): void {
  let a = state[ia]! | 0;
  let b = state[ib]! | 0;
  let c = state[ic]! | 0;
  let d = state[id]! | 0;
  a = (a + b) | 0;
  d ^= a;
  d = (d << 16) | (d >>> 16);
  c = (c + d) | 0;
  b ^= c;
  b = (b << 12) | (b >>> 20);
  a = (a + b) | 0;
  d ^= a;
  d = (d << 8) | (d >>> 24);
  c = (c + d) | 0;
  b ^= c;
  b = (b << 7) | (b >>> 25);
  state[ia] = a;
  state[ib] = b;
  state[ic] = c;
  state[id] = d;
}

/** Adds the `LANES` words of `more` to those of `sum`. */
export function addLanes(sum: Uint32Array, more: Uint32Array): void {
  for (let lane = 0; lane < LANES; lane++) sum[lane] = sum[lane]! + more[lane]!;
}

/** Takes the `LANES` words of `less` from those of `sum`. */
export function subtractLanes(sum: Uint32Array, less: Uint32Array): void {
  for (let lane = 0; lane < LANES; lane++) sum[lane] = sum[lane]! - less[lane]!;
}

/** 32 bytes: SHA-256 over the number of ids and their sum. */
export function fingerprintOf(sum: Uint32Array, count: number): Uint8Array {
  const bytes = new Uint8Array(8 + LANES * 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(count));
  for (let lane = 0; lane < LANES; lane++) view.setUint32(8 + lane * 4, sum[lane]!);
  return sha256(bytes);
}

export function readWords(bytes: Uint8Array, words: Uint32Array, at: number): void {
  for (let word = 0; word < ID_WORDS; word++) {
    const byte = word * 4;
    words[at + word] = (bytes[byte]! << 24) | (bytes[byte + 1]! << 16) | (bytes[byte + 2]! << 8) | bytes[byte + 3]!;
  }
}

export function writeWords(words: Uint32Array, at: number): Uint8Array {
  const bytes = new Uint8Array(ID_WORDS * 4);
  for (let word = 0; word < ID_WORDS; word++) {
    const value = words[at + word]!;
    bytes[word * 4] = value >>> 24;
    bytes[word * 4 + 1] = value >>> 16;
    bytes[word * 4 + 2] = value >>> 8;
    bytes[word * 4 + 3] = value;
  }
  return bytes;
}
