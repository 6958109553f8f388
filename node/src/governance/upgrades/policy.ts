/** When a waiting context is moved, by the group's policy. Pure. */
import type { UpgradeRecord } from "./record.ts";

export type Moment = "now" | "on_access" | { readonly atMs: number } | "on_word";

interface Rule {
  readonly when: (record: UpgradeRecord, nowMs: number) => boolean;
  readonly then: (record: UpgradeRecord) => Moment;
  readonly because: string;
}

const deadlineOf = ({ policy }: UpgradeRecord): number | undefined =>
  policy.type === "Coordinated" ? policy.deadlineMs : undefined;

/** First match wins. */
const RULES: readonly Rule[] = [
  { when: ({ released }) => released, then: () => "now", because: "somebody said go" },
  { when: ({ policy }) => policy.type === "Automatic", then: () => "now", because: "the policy is Automatic" },
  {
    when: ({ policy }) => policy.type === "LazyOnAccess",
    then: () => "on_access",
    because: "the policy is LazyOnAccess",
  },
  {
    when: (record, nowMs) => (deadlineOf(record) ?? Number.POSITIVE_INFINITY) <= nowMs,
    then: () => "now",
    because: "the deadline has passed",
  },
  {
    when: (record) => deadlineOf(record) !== undefined,
    then: (record) => ({ atMs: deadlineOf(record) ?? 0 }),
    because: "the policy is Coordinated, with a deadline",
  },
];

export function momentOf(record: UpgradeRecord, nowMs: number): Moment {
  return RULES.find((rule) => rule.when(record, nowMs))?.then(record) ?? "on_word";
}
