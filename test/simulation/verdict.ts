/** What came of one plan, as data: what a worker process answers with. */

export interface Failure {
  /** What did not hold: `I14` and its like, or `ends`, `quiet` for what no invariant names. */
  readonly invariant: string;
  readonly detail: string;
  readonly atMs: number;
}

export interface Verdict {
  readonly seed: number;
  readonly hash: string;
  readonly events: number;
  /** Milliseconds of virtual time, and how many of them it took after the faults until all were level. */
  readonly virtualMs: number;
  readonly levelMs: number;
  readonly failure?: Failure;
  /** How often what is to happen sometimes did happen. */
  readonly sometimes: Readonly<Record<string, number>>;
  /** The last lines of the trace, where it failed. */
  readonly tail: readonly string[];
}
