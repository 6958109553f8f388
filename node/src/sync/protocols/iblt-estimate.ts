/**
 * How many symbols to ask for. Too few cost another question, too many cost their bytes; so the number of ids that differ is
 * guessed from all that is known.
 */
import { SKETCH_VARIANCE } from "./id-set-sketch.ts";

/** Symbols for each id of a large difference, and what smaller ones need beyond that (measured; the paper has 1.35). */
const PER_ID = 1.36;
const BEYOND = 0.9;

export interface Guess {
  readonly difference: number;
  /** Standard deviation of its natural logarithm. */
  readonly deviation: number;
}

/** Symbols that as many ids as guessed are found from; half of the time fewer are enough, each `sure` is a standard deviation. */
export function symbolsFor({ difference, deviation }: Guess, sure: number): number {
  const spread = Math.hypot(PER_ID * difference * deviation, Math.sqrt(difference));
  return Math.ceil(PER_ID * difference + BEYOND * Math.sqrt(difference) + sure * spread);
}

/** What a symbol showed when it came. */
export const EMPTY = 0;
export const ONE_ID = 1;
export const MORE_IDS = 2;

/**
 * The difference that makes it likeliest that the symbols showed what they did, with the guess from sketches for a prior. Symbols
 * are under the session's key, which the sketch is not: where they contradict each other, symbols count.
 */
export function guessDifferenceFrom(shown: Uint8Array, sketched: number): Guess {
  const alone = likeliest(shown, 0, 0);
  const prior = Math.log(Math.max(sketched, 1));
  const apart = (prior - Math.log(alone.difference)) / Math.hypot(alone.deviation, Math.sqrt(SKETCH_VARIANCE));
  return Math.abs(apart) > CONTRADICTION ? alone : likeliest(shown, prior, 1 / SKETCH_VARIANCE);
}

const CONTRADICTION = 4;
/** Halvings of the range; the last is far below what chance leaves open. */
const STEPS = 16;
const STEP = 0.01;

function likeliest(shown: Uint8Array, prior: number, weight: number): Guess {
  const slope = (logarithm: number): number => slopeAt(shown, Math.exp(logarithm)) + weight * (prior - logarithm);
  let low = 0;
  let high = Math.log(shown.length * 16 + 16);
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  const found = (low + high) / 2;
  const curvature = (slope(found - STEP) - slope(found + STEP)) / (2 * STEP);
  return { difference: Math.exp(found), deviation: Math.min(1, 1 / Math.sqrt(Math.max(curvature, 1))) };
}

/**
 * How the logarithm of the likelihood changes with that of the difference. The ids in symbol i are Poisson with a mean of
 * difference / (1 + i / 2); each of the three terms falls as the mean grows, so there is one likeliest difference.
 */
function slopeAt(shown: Uint8Array, difference: number): number {
  let slope = 0;
  for (let symbol = 0; symbol < shown.length; symbol++) {
    const mean = (difference * 2) / (symbol + 2);
    if (shown[symbol] === EMPTY) slope -= mean;
    else if (shown[symbol] === ONE_ID) slope += 1 - mean;
    else if (mean < NEARLY_NONE) slope += 2;
    else {
      const none = Math.exp(-mean);
      slope += (mean * mean * none) / (1 - none - mean * none);
    }
  }
  return slope;
}

/** Below this the quotient is 2 and its parts are lost in rounding. */
const NEARLY_NONE = 1e-4;
