/** A pod's row: what is wrong with it comes before its phase, as kubectl's own printer has it. */
import { fieldsAt, listAt, numberAt, textAt, valueAt, type ApiObject } from "../object.ts";
import { ageOf } from "./age.ts";
import type { Column } from "./columns.ts";

const or = (value: string | undefined): string => (value === undefined || value === "" ? "<none>" : value);

export const POD_COLUMNS: readonly Column[] = [
  {
    name: "Ready",
    cell: (pod) =>
      `${statuses(pod).filter((one) => valueAt(one, "ready") === true).length}/${listAt(pod, "spec", "containers").length}`,
  },
  { name: "Status", cell: statusWord },
  { name: "Restarts", cell: restarts },
  { name: "Age", cell: (pod, now) => ageOf(pod.metadata.creationTimestamp, now) },
  { name: "IP", wide: true, cell: (pod) => or(textAt(pod, "status", "podIP")) },
  { name: "Node", wide: true, cell: (pod) => or(textAt(pod, "spec", "nodeName")) },
  { name: "Nominated Node", wide: true, cell: (pod) => or(textAt(pod, "status", "nominatedNodeName")) },
  { name: "Readiness Gates", wide: true, cell: () => "<none>" },
];

function statuses(pod: ApiObject): readonly unknown[] {
  return listAt(pod, "status", "containerStatuses");
}

/** Exported for `rules` of what a person sees: the one word of a pod. */
function statusWord(pod: ApiObject): string {
  const phase = textAt(pod, "status", "phase") ?? "Unknown";
  const reason = textAt(pod, "status", "reason");
  if (pod.metadata.deletionTimestamp !== undefined) return reason === "NodeLost" ? "Unknown" : "Terminating";
  if (reason !== undefined && reason !== "") return reason;
  let word = phase;
  let running = false;
  for (const status of [...statuses(pod)].reverse()) {
    const said = containerWord(fieldsAt(status, "state"));
    if (said !== undefined) word = said;
    else if (valueAt(status, "ready") === true && valueAt(status, "state", "running") !== undefined) running = true;
  }
  if (word !== "Completed" || !running) return word;
  return isReady(pod) ? "Running" : "NotReady";
}

function containerWord(state: Readonly<Record<string, unknown>>): string | undefined {
  const waiting = textAt(state, "waiting", "reason");
  if (waiting !== undefined && waiting !== "") return waiting;
  if (state["terminated"] === undefined) return undefined;
  const reason = textAt(state, "terminated", "reason");
  if (reason !== undefined && reason !== "") return reason;
  const signal = numberAt(state, "terminated", "signal") ?? 0;
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(state, "terminated", "exitCode") ?? 0}`;
}

function isReady(pod: ApiObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
}

function restarts(pod: ApiObject, now: number): string {
  const all = statuses(pod);
  const count = all.reduce<number>((sum, one) => sum + (numberAt(one, "restartCount") ?? 0), 0);
  const ends = all.flatMap((one) => textAt(one, "lastState", "terminated", "finishedAt") ?? []).sort();
  const last = ends.at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${ageOf(last, now)} ago)`;
}
