/**
 * Every namespace in memory, and the one road by which any of them changes: ops are made, signed, judged and stored in the
 * namespace's turn, log and derived rows in one batch. Memory follows only what the store has taken.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import type { ContextId, GroupId } from "../model/ids.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Row, Store } from "../storage/store.ts";
import { governanceCrypto, hashOf, signOp } from "./crypto.ts";
import { headRow, NO_HEAD, opRows, readHeads, type Head } from "./log-rows.ts";
import { rebuildIfOlder } from "./rebuild.ts";
import { refusalError } from "./refusals.ts";
import { readNamespaces, rowsBetween } from "./rows.ts";
import { applyOp } from "./rules/apply.ts";
import type { LoggedOp } from "./rules/fold.ts";
import { OP_VERSION, type Action } from "./rules/op.ts";
import type { Group, Namespace } from "./rules/state.ts";

/** An op before it has a place in the log. */
export interface Draft {
  readonly groupId: GroupId;
  readonly signer: KeyPair;
  readonly action: Action;
}

/** Applies rows in one batch; rejects where none of them was applied. `after`: the state that they lead to. */
export type Commit = (rows: readonly Row[], after: Namespace | undefined) => Promise<void>;

export interface Located {
  readonly namespace: Namespace;
  readonly group: Group;
}

export interface Ledger {
  /** undefined where this node knows no such group. */
  find(groupId: GroupId): Located | undefined;
  groupOf(contextId: ContextId): GroupId | undefined;
  namespaces(): Iterable<Namespace>;
  head(namespaceId: GroupId): Head;
  /**
   * All drafts or none; each is judged on the state that those before it leave. `drafts` is asked in the namespace's turn,
   * so that it may look at the state it changes. Rejects with the refusal as a `ShoalError`.
   */
  submit(namespaceId: GroupId, drafts: () => readonly Draft[], commit?: Commit): Promise<readonly LoggedOp[]>;
  /** What `submit` would reject with, thrown now; nothing is stored. */
  rehearse(namespaceId: GroupId, drafts: readonly Draft[]): void;
}

export interface LedgerInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each op after the store has it. */
  readonly applied: (op: LoggedOp, state: Namespace) => void;
}

interface Outcome {
  readonly state: Namespace | undefined;
  readonly head: Head;
  readonly ops: readonly LoggedOp[];
  readonly rows: readonly Row[];
}

/** What is in memory: the states, and where each group and context is. */
function createMemory() {
  const states = new Map<GroupId, Namespace>();
  const homes = new Map<GroupId, GroupId>();
  const contexts = new Map<ContextId, GroupId>();
  return {
    states,
    contexts,
    isTaken: (groupId: GroupId) => homes.has(groupId),
    remember(before: Namespace | undefined, after: Namespace): void {
      states.set(after.id, after);
      for (const [id, group] of before?.groups ?? []) {
        if (after.groups.get(id) === group) continue;
        homes.delete(id);
        for (const context of group.contexts.keys()) contexts.delete(context);
      }
      for (const [id, group] of after.groups) {
        if (before?.groups.get(id) === group) continue;
        homes.set(id, after.id);
        for (const context of group.contexts.keys()) contexts.set(context, id);
      }
    },
    find(groupId: GroupId): Located | undefined {
      const home = homes.get(groupId);
      const namespace = home === undefined ? undefined : states.get(home);
      const group = namespace?.groups.get(groupId);
      return namespace === undefined || group === undefined ? undefined : { namespace, group };
    },
  };
}

type Memory = ReturnType<typeof createMemory>;

/** Ids are one space over all namespaces: no namespace's own rules can see that. */
function requireNew({ isTaken, contexts }: Memory, namespaceId: GroupId, { action }: Draft): void {
  const child = action.type === "SubgroupCreated" ? action.childGroupId : undefined;
  const made = action.type === "NamespaceCreated" ? namespaceId : child;
  if (made !== undefined && isTaken(made)) throw new ShoalError("already_exists", "there is a group of that id");
  if (action.type === "ContextRegistered" && contexts.has(action.contextId)) {
    throw new ShoalError("already_exists", "the context is in a group already");
  }
}

/** What the drafts come to: the state after them, and every row that says so. Throws the first refusal. */
function work(memory: Memory, head: Head, nowMs: number, namespaceId: GroupId, drafts: readonly Draft[]): Outcome {
  const before = memory.states.get(namespaceId);
  let state = before;
  const ops: LoggedOp[] = [];
  const rows: Row[] = [];
  for (const draft of drafts) {
    requireNew(memory, namespaceId, draft);
    const op = signOp(draft.signer, {
      version: OP_VERSION,
      namespaceId,
      groupId: draft.groupId,
      parents: head.heads,
      nonce: (state?.nonces.get(draft.signer.publicKey) ?? 0) + 1,
      atMs: Math.max(nowMs, head.atMs),
      action: draft.action,
    });
    const verdict = applyOp(state, op, governanceCrypto);
    if ("refused" in verdict) throw refusalError(verdict.refused.reason, verdict.refused.because);
    state = verdict.state;
    const logged = { hash: hashOf(op), op };
    rows.push(...opRows(namespaceId, head.length, logged));
    head = { length: head.length + 1, heads: [logged.hash], atMs: op.atMs };
    ops.push(logged);
  }
  if (state !== undefined && state !== before) rows.push(...rowsBetween(before, state), headRow(namespaceId, head));
  return { state, head, ops, rows };
}

export async function openLedger({ store, clock, log, applied }: LedgerInit): Promise<Ledger> {
  await rebuildIfOlder(store, log);
  const heads = new Map(await readHeads(store));
  const memory = createMemory();
  const turns = keyedTurns();
  for (const namespace of await readNamespaces(store)) memory.remember(undefined, namespace);
  const headOf = (namespaceId: GroupId): Head => heads.get(namespaceId) ?? NO_HEAD;
  const durably: Commit = async (rows) => {
    await store.apply(rows);
    await store.durable();
  };
  return {
    find: (groupId) => memory.find(groupId),
    groupOf: (contextId) => memory.contexts.get(contextId),
    namespaces: () => memory.states.values(),
    head: headOf,
    submit: (namespaceId, drafts, commit = durably) =>
      turns.run(namespaceId, "write", async () => {
        const before = memory.states.get(namespaceId);
        const asked = drafts();
        const { state, head, ops, rows } = work(memory, headOf(namespaceId), clock.now(), namespaceId, asked);
        await commit(rows, state);
        if (state === undefined || state === before) return ops;
        heads.set(namespaceId, head);
        memory.remember(before, state);
        for (const op of ops) applied(op, state);
        return ops;
      }),
    rehearse(namespaceId, drafts) {
      work(memory, headOf(namespaceId), clock.now(), namespaceId, drafts);
    },
  };
}
