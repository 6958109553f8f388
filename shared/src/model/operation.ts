/** An operation: the handle of an asynchronous request. It ends once the resource has observed the generation it asked for. */
export const OPERATION_STATES = ["pending", "running", "succeeded", "failed", "cancelled"] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

export const OPERATION_TRANSITIONS: Record<OperationState, readonly OperationState[]> = {
  pending: ["running", "succeeded", "failed", "cancelled"],
  running: ["succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

export const OPERATION_KINDS = [
  "processor.create",
  "processor.update",
  "processor.restart",
  "processor.delete",
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export function isDone(state: OperationState): boolean {
  return OPERATION_TRANSITIONS[state].length === 0;
}
