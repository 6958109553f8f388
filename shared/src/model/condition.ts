/** Conditions: status as (type, status, reason, message, since, observedGeneration), after the Kubernetes API conventions. */
import type { Timestamp } from "../base/time.ts";

export interface Condition<Type extends string = string> {
  readonly type: Type;
  readonly status: "True" | "False" | "Unknown";
  /** One CamelCase word for machines. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
  /** When `status` last changed. */
  readonly since: Timestamp;
  readonly observedGeneration: number;
}

/** `conditions` with `change` merged in: `since` moves only if the status does. Equal content returns the same array. */
export function withCondition<T extends string>(
  conditions: readonly Condition<T>[],
  change: Omit<Condition<T>, "since">,
  now: Timestamp,
): readonly Condition<T>[] {
  const before = conditions.find((condition) => condition.type === change.type);
  if (
    before !== undefined &&
    before.status === change.status &&
    before.reason === change.reason &&
    before.message === change.message &&
    before.observedGeneration === change.observedGeneration
  ) {
    return conditions;
  }
  const since = before?.status === change.status ? before.since : now;
  const after: Condition<T> = { ...change, since };
  return before === undefined
    ? [...conditions, after]
    : conditions.map((condition) => (condition.type === change.type ? after : condition));
}
