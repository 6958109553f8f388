/** When a waiting context is moved, by the group's policy. Pure. */
import type { UpgradeRecord } from "./record.ts";

export type Moment = "now" | "on_access" | { readonly atMs: number } | "on_word";

interface Rule {
  readonly when: (record: UpgradeRecord, nowMs: number) => boolean;
  readonly then: (record: UpgradeRecord) => Moment;
  readonly because: string;
}

/** When the policy moves contexts by itself; who follows leaves it to who began for a while. */
function dueOf({ policy, initiatedAtMs, patienceMs = 0 }: UpgradeRecord): number | undefined {
  if (policy.type === "Automatic") return patienceMs === 0 ? 0 : initiatedAtMs + patienceMs;
  return policy.type === "Coordinated" && policy.deadlineMs !== undefined ? policy.deadlineMs + patienceMs : undefined;
}

/** First match wins. */
const RULES: readonly Rule[] = [
  { when: ({ released }) => released, then: () => "now", because: "somebody said go" },
  {
    when: ({ policy }) => policy.type === "LazyOnAccess",
    then: () => "on_access",
    because: "the policy is LazyOnAccess",
  },
  {
    when: (record, nowMs) => (dueOf(record) ?? Number.POSITIVE_INFINITY) <= nowMs,
    then: () => "now",
    because: "the policy is Automatic, or its deadline has passed, and nobody before us has done it",
  },
  {
    when: (record) => dueOf(record) !== undefined,
    then: (record) => ({ atMs: dueOf(record) ?? 0 }),
    because: "there is a deadline, or somebody to wait for",
  },
];

export function momentOf(record: UpgradeRecord, nowMs: number): Moment {
  return RULES.find((rule) => rule.when(record, nowMs))?.then(record) ?? "on_word";
}
