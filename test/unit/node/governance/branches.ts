/** Logs that branch: ops made upon whatever their signer had seen, and histories that they arrive in. */
import { governanceCrypto, hashOf } from "@shoal/node/governance/crypto.ts";
import { openHistory, type History, type OpVerdict } from "@shoal/node/governance/rules/history.ts";
import { OP_VERSION, type Action, type LoggedOp, type SignedOp } from "@shoal/node/governance/rules/op.ts";
import { standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { GroupId, Hash } from "@shoal/node/model/ids.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { expect } from "vitest";
import { add, alice, bob, carol, dave, ROOT, seed } from "./people.ts";

/** Values with maps and sets in them, as text that is equal where they are. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Set) return [...(inner as Set<string>)].sort();
    if (typeof inner === "object" && inner !== null && "entries" in inner && "size" in inner) {
      return [...(inner as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1));
    }
    return inner;
  });
}

export interface Made {
  readonly who: KeyPair;
  readonly action: Action;
  readonly parents: readonly LoggedOp[];
  readonly group?: GroupId;
  readonly nonce?: number;
  readonly atMs?: number;
}

/** An op as a log has it. Its signature is a matter of form, which a history does not look at. */
export function made({ who, action, parents, group = ROOT, nonce = 1, atMs = 1_800_000_000_000 }: Made): LoggedOp {
  const op: SignedOp = {
    version: OP_VERSION,
    namespaceId: ROOT,
    groupId: group,
    parents: parents.map(({ hash }) => hash).sort(),
    signer: who.publicKey,
    nonce,
    atMs,
    action,
    signature: "",
  };
  return { hash: hashOf(op), op };
}

export const genesis = made({ who: alice, action: { type: "NamespaceCreated", seed }, parents: [] });

/** A log that is written to in branches; nonces grow by themselves. */
export class Branches {
  readonly ops: LoggedOp[] = [genesis];
  #nonce = 1;

  /** An op by `who` upon `parents`, or upon the op before. */
  op(who: KeyPair, action: Action, parents: readonly LoggedOp[] = [this.ops.at(-1)!], group: GroupId = ROOT): LoggedOp {
    const one = made({ who, action, parents, group, nonce: ++this.#nonce });
    this.ops.push(one);
    return one;
  }

  /** The history of all ops, having seen that it comes out alike in other orders of arrival. */
  settled(): History {
    const history = filled(this.ops);
    const text = tellingOf(history);
    for (const order of [fromTheEnd(this.ops), zigzag(this.ops)]) expect(tellingOf(filled(order))).toBe(text);
    return history;
  }
}

/** Parents first, and otherwise the last first. */
export function fromTheEnd(ops: readonly LoggedOp[]): readonly LoggedOp[] {
  return arranged(ops, (ready) => ready.length - 1);
}

function zigzag(ops: readonly LoggedOp[]): readonly LoggedOp[] {
  let turn = 0;
  return arranged(ops, (ready) => (turn++ % 2 === 0 ? ready.length - 1 : 0));
}

/** An order in which parents come first; `pick` chooses among those that may come next. */
export function arranged(ops: readonly LoggedOp[], pick: (ready: readonly LoggedOp[]) => number): readonly LoggedOp[] {
  const left = new Set(ops);
  const here = new Set<Hash>();
  const order: LoggedOp[] = [];
  while (left.size > 0) {
    const ready = [...left].filter(({ op }) => op.parents.every((parent) => here.has(parent)));
    const next = ready[pick(ready)]!;
    left.delete(next);
    here.add(next.hash);
    order.push(next);
  }
  return order;
}

export function filled(ops: readonly LoggedOp[]): History {
  const history = openHistory(governanceCrypto);
  for (const each of ops) expect(history.add(each)).toEqual({ kind: "added" });
  return history;
}

/** All that a history says, as text. */
export function tellingOf(history: History): string {
  const ops = history.ops();
  return textOf({
    state: history.state,
    heads: history.heads,
    order: ops.map(({ hash }) => hash),
    verdicts: ops.map(({ hash }) => history.verdict(hash)),
  });
}

/** `effective`, or at what and why not. */
export function outcome(history: History, { hash }: LoggedOp): string {
  const verdict: OpVerdict | undefined = history.verdict(hash);
  if (verdict === undefined) return "not here";
  return "effective" in verdict ? "effective" : `${verdict.at}: ${verdict.refused}`;
}

export function roleIn(history: History, who: KeyPair, group: GroupId = ROOT): string {
  const { state } = history;
  return (state && standingOf(state, group, who.publicKey)?.role) ?? "nobody";
}

/** Alice's, with the admins bob and carol (in that order) and the member dave. */
export function together(): { log: Branches; base: LoggedOp } {
  const log = new Branches();
  log.op(alice, add(bob, "Admin"));
  log.op(alice, add(carol, "Admin"));
  return { log, base: log.op(alice, add(dave)) };
}
