/** How a processor starts: an ordered table over what is known, the first row that fits wins. Pure. */
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { goldenBackoff } from "./history.ts";

export interface RecoveryFacts {
  readonly kept: "none" | "readable" | "corrupt";
  /** Epoch of the kept state; 0 where there is none. */
  readonly keptEpoch: number;
  readonly ownEpoch: number;
  readonly migrating: boolean;
  readonly restarts: number;
  readonly goldenAt: number;
  readonly backoff: DurationMs;
  /** The processor's own answer to many restarts: `false` keeps the state. */
  readonly goldenAllowed: boolean;
}

export type Recovery = {
  /** `golden` forgets the kept state; `superseded` must not run: a later activation has. */
  readonly start: "fresh" | "restore" | "golden" | "superseded";
  readonly wait: DurationMs;
  readonly because: string;
};

interface Rule {
  readonly when: (facts: RecoveryFacts) => boolean;
  readonly then: Recovery["start"];
  readonly waits: boolean;
  readonly because: string;
}

const often = (facts: RecoveryFacts): boolean => facts.restarts >= facts.goldenAt;

const RULES: readonly Rule[] = [
  {
    when: (facts) => facts.kept === "readable" && facts.keptEpoch > facts.ownEpoch,
    then: "superseded",
    waits: false,
    because: "a later activation has saved its state already",
  },
  {
    when: (facts) => facts.kept === "corrupt",
    then: "golden",
    waits: false,
    because: "the kept state cannot be read",
  },
  {
    when: (facts) => facts.kept === "readable" && facts.migrating,
    then: "restore",
    waits: false,
    because: "the processor is being moved",
  },
  {
    when: (facts) => often(facts) && facts.goldenAllowed,
    then: "golden",
    waits: true,
    because: "the processor died too often in rapid succession with this state",
  },
  {
    when: (facts) => facts.kept === "none",
    then: "fresh",
    waits: false,
    because: "no state is kept",
  },
  {
    when: (facts) => facts.restarts === 0,
    then: "restore",
    waits: false,
    because: "a state is kept and nothing died: it was stopped or moved",
  },
  {
    when: () => true,
    then: "restore",
    waits: false,
    because: "the processor was restarted",
  },
];

export function decideRecovery(facts: RecoveryFacts): Recovery {
  const rule = RULES.find((candidate) => candidate.when(facts));
  if (rule === undefined) throw new Error("the last rule fits everything");
  return {
    start: rule.then,
    wait: rule.waits ? goldenBackoff(facts.restarts, facts.goldenAt, facts.backoff) : milliseconds(0),
    because: rule.because,
  };
}
