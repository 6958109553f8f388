/**
 * What a bench is, and how its figures are taken: peers in interleaved rounds, so that a noisy neighbour hits all of them
 * alike; medians with the smallest and the largest; CPU beside wall time, since CPU per item swings far less. A bench
 * throws where the effects of its rounds differ: a number for wrong work is no number.
 */

export interface BenchOptions {
  readonly rounds: number;
  /** Progress for whoever waits; not part of the result. */
  readonly log: (line: string) => void;
}

export interface BenchRow {
  readonly bench: string;
  readonly metric: string;
  /** Median over the rounds. */
  readonly value: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly peer?: string;
  readonly peerValue?: number;
  /** `value / peerValue`, both from this run. */
  readonly ratio?: number;
  /** The goal in words, e.g. `>= 3x`; `-` where the figure is there to be read only. */
  readonly goal: string;
  readonly pass: boolean;
}

export interface Bench {
  readonly name: string;
  readonly describe: string;
  run(options: BenchOptions): Promise<readonly BenchRow[]>;
}

export interface Summary {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

/** Median, smallest and largest of `values`, rounded to `digits`; throws on an empty list. */
export function summarise(values: readonly number[], digits = 0): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new RangeError("no figures to summarise");
  const round = (value: number): number => Number(value.toFixed(digits));
  return { value: round((low + high) / 2), min: round(min), max: round(max) };
}

/** Median of `values`. */
export const median = (values: readonly number[]): number => summarise(values, 9).value;

/**
 * Runs every contestant once in each round, in turning order (whoever is first in one round is last in the next), and
 * returns each one's results in the order of the rounds.
 */
export async function interleaved<Name extends string, Result>(
  rounds: number,
  contestants: Readonly<Record<Name, (round: number) => Promise<Result>>>,
  told?: (name: Name, round: number, result: Result) => void,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = 0; round < rounds; round++) {
    const shift = round % names.length;
    for (const name of [...names.slice(shift), ...names.slice(0, shift)]) {
      const result = await contestants[name](round);
      results[name].push(result);
      told?.(name, round, result);
    }
  }
  return results;
}

/** A row that compares with a peer of the same run: ratio of the medians, judged by `pass`. */
export function against(
  row: { readonly bench: string; readonly metric: string; readonly unit: string; readonly digits?: number },
  ours: readonly number[],
  peer: { readonly name: string; readonly values: readonly number[] },
  goal: { readonly text: string; pass(ratio: number): boolean },
): BenchRow {
  const { bench, metric, unit, digits = 0 } = row;
  const peerValue = summarise(peer.values, digits).value;
  const ratio = median(ours) / median(peer.values);
  return {
    bench,
    metric,
    unit,
    ...summarise(ours, digits),
    peer: peer.name,
    peerValue,
    ratio: Number(ratio.toFixed(3)),
    goal: goal.text,
    pass: goal.pass(ratio),
  };
}

/** A row that is judged by itself, or only shown (`goal` is `-`). */
export function alone(
  row: { readonly bench: string; readonly metric: string; readonly unit: string; readonly digits?: number },
  values: readonly number[],
  goal: { readonly text: string; pass(summary: Summary): boolean } = { text: "-", pass: () => true },
): BenchRow {
  const summary = summarise(values, row.digits ?? 0);
  return {
    bench: row.bench,
    metric: row.metric,
    unit: row.unit,
    ...summary,
    goal: goal.text,
    pass: goal.pass(summary),
  };
}
