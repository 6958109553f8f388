/** Whoever waits for an operation is answered as soon as it has ended: one question for all waits of an organisation. */
import type { Database } from "../../store/database.ts";
import { endedAmong } from "../../store/operations/operations.ts";
import type { Pulse } from "./pulse.ts";

export interface Wait {
  readonly ended: Promise<void>;
  readonly stop: () => void;
}

export type OperationWaits = (organisationId: string, operationId: string) => Wait;

interface Group {
  readonly ids: Map<string, Set<() => void>>;
  readonly unwatch: () => void;
}

export function createOperationWaits(database: Pick<Database, "asTenant">, pulse: Pulse): OperationWaits {
  const groups = new Map<string, Group>();

  const groupOf = (organisationId: string): Group => {
    const known = groups.get(organisationId);
    if (known !== undefined) return known;
    const ids = new Map<string, Set<() => void>>();
    const look = async (): Promise<void> => {
      if (ids.size === 0) return;
      const ended = await database.asTenant(organisationId, (tx) => endedAmong(tx, [...ids.keys()]));
      for (const { id } of ended) for (const tell of ids.get(id) ?? []) tell();
    };
    const group: Group = { ids, unwatch: pulse.watch(organisationId, look) };
    groups.set(organisationId, group);
    return group;
  };

  return (organisationId, operationId) => {
    const group = groupOf(organisationId);
    let tell = (): void => undefined;
    const ended = new Promise<void>((resolve) => (tell = resolve));
    const waiting = group.ids.get(operationId) ?? new Set();
    group.ids.set(operationId, waiting.add(tell));
    return {
      ended,
      stop: () => {
        waiting.delete(tell);
        if (waiting.size === 0 && group.ids.get(operationId) === waiting) group.ids.delete(operationId);
        if (group.ids.size > 0 || groups.get(organisationId) !== group) return;
        groups.delete(organisationId);
        group.unwatch();
      },
    };
  };
}
