/**
 * How many ids two sets differ by, guessed from 128 bytes of each: every id adds one to one of 128 counters or takes one from
 * it, and what the counters differ by is a random walk of as many steps as ids differ (a "tug of war", Alon, Matias and Szegedy
 * 1996). The guess is off by about an eighth. Which counter an id moves is public, so whoever makes ids can make the guess wrong:
 * a wrong guess costs bytes or another question, never the result.
 */
import { ID_WORDS } from "./id-set-hash.ts";

export const SKETCH_BYTES = 128;
/** Variance of the logarithm of a guess. */
export const SKETCH_VARIANCE = 2 / SKETCH_BYTES;

export function addToSketch(sketch: Uint8Array, words: Uint32Array, at: number): void {
  const last = words[at + ID_WORDS - 1]!;
  const counter = last % SKETCH_BYTES;
  sketch[counter] = sketch[counter]! + ((last & SKETCH_BYTES) === 0 ? 1 : -1);
}

/** Counters count modulo 256, and differ by less as long as not many more than 100,000 ids differ. */
export function guessDifference(mine: Uint8Array, theirs: Uint8Array): number {
  let squares = 0;
  for (let counter = 0; counter < SKETCH_BYTES; counter++) {
    const by = ((mine[counter]! - theirs[counter]!) << 24) >> 24;
    squares += by * by;
  }
  return squares;
}
