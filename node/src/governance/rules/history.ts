/**
 * The log of one namespace as a value that grows: ops in any order of arrival, and what they add up to. Which ops count is a
 * function of the set of ops alone (see README.md), so two nodes with the same ops have the same state and the same verdicts.
 * Nothing is computed before it is asked for but the cut verdict of each op, so a batch that arrives costs one resolution.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Hash } from "../../model/ids.ts";
import { applyAt, noted, repeats, takeOf, type PlacedOp } from "./apply.ts";
import type { Crypto } from "./case.ts";
import { Spine, type Entry } from "./dag.ts";
import type { LoggedOp } from "./op.ts";
import type { Namespace } from "./state.ts";
import type { Resolved } from "./resolve.ts";
import { States } from "./states.ts";
import { EFFECTIVE, type OpVerdict, type Refused } from "./verdict.ts";

export type { OpVerdict };

/** What `add` made of an op. */
export type Added =
  | { readonly kind: "added" }
  | { readonly kind: "known" }
  /** Not in the log: these of its parents are not either. */
  | { readonly kind: "missing"; readonly parents: readonly Hash[] }
  /** Never in any log of this namespace. */
  | { readonly kind: "refused"; readonly because: string };

/** What ops made here and now would come to. */
export interface Judged {
  /** One per op, in their order. */
  readonly verdicts: readonly OpVerdict[];
  /** After all of them. */
  readonly state: Namespace | undefined;
}

export interface History {
  /** The op that founded the namespace: the only one without parents that this log takes. */
  readonly genesis: Hash | undefined;
  readonly size: number;
  /** Ops that no other names as a parent, ascending. */
  readonly heads: readonly Hash[];
  /** Of all ops; undefined while there is none. */
  readonly state: Namespace | undefined;
  /** Takes an op whose form was checked before (`parseOp`, `checkForm`); parents come first. */
  add(op: LoggedOp): Added;
  has(hash: Hash): boolean;
  get(hash: Hash): LoggedOp | undefined;
  /** All ops in the canonical order, in which they are applied: parents before children, the same on every node. */
  ops(): readonly LoggedOp[];
  /** undefined where the op is not here. */
  verdict(hash: Hash): OpVerdict | undefined;
  /** The state of the ancestors of these ops and the ops themselves, the same on every node for ever; of none: undefined. */
  stateAt(position: readonly Hash[]): Namespace | undefined | "unknown";
  /** What `add` would make of ops that are made here now, each upon those before it; nothing is added. */
  judge(ops: readonly LoggedOp[]): Judged;
}

/** `genesis`: the founding op where it is known (by an invitation); absent, the first that comes is taken for it. */
export function openHistory(crypto: Crypto, genesis?: Hash): History {
  return new Log(crypto, genesis);
}

const refused = (because: string): Added => ({ kind: "refused", because });

/** What an op comes to on the state of its ancestors. */
function atCut(
  before: Namespace | undefined,
  placed: PlacedOp,
  crypto: Crypto,
): Refused | { readonly state: Namespace } {
  if (repeats(before, placed.op)) return { refused: "stale_nonce", because: "the signer has gone on since" };
  const verdict = applyAt(before, placed, crypto);
  if ("state" in verdict) return verdict;
  return { refused: verdict.refused.reason, because: verdict.refused.because };
}

class Log implements History {
  readonly #crypto: Crypto;
  readonly #entries = new Map<Hash, Entry>();
  readonly #heads = new Set<Entry>();
  readonly #spine = new Spine();
  /** What lies between each point of the spine and the one before it, that point included, in the canonical order. */
  readonly #segments: (readonly (readonly [Entry, OpVerdict])[])[] = [];
  readonly #closed = new Map<Entry, OpVerdict>();
  readonly #states: States;
  #genesis: Hash | undefined;

  constructor(crypto: Crypto, genesis: Hash | undefined) {
    this.#crypto = crypto;
    this.#genesis = genesis;
    this.#states = new States(crypto, (entry) => this.#spine.has(entry));
  }

  get genesis(): Hash | undefined {
    return this.#genesis;
  }

  get size(): number {
    return this.#entries.size;
  }

  get heads(): readonly Hash[] {
    return [...this.#heads].map(({ hash }) => hash).sort();
  }

  get state(): Namespace | undefined {
    return this.#states.of([...this.#heads]);
  }

  has(hash: Hash): boolean {
    return this.#entries.has(hash);
  }

  get(hash: Hash): LoggedOp | undefined {
    const entry = this.#entries.get(hash);
    return entry && { hash: entry.hash, op: entry.op };
  }

  add({ hash, op }: LoggedOp): Added {
    if (this.#entries.has(hash)) return { kind: "known" };
    if (op.parents.length === 0 && this.#genesis !== undefined && this.#genesis !== hash) {
      return refused("the namespace was founded by another op");
    }
    const parents = op.parents.map((parent) => this.#entries.get(parent));
    if (!parents.every((parent) => parent !== undefined)) {
      return { kind: "missing", parents: op.parents.filter((parent) => !this.#entries.has(parent)) };
    }
    if (parents[0] !== undefined && parents[0].op.namespaceId !== op.namespaceId) {
      return refused("the op is of another namespace");
    }
    if (parents.length > 1 && this.#states.regionOf(parents).redundant) {
      return refused("names an op as a parent that is an ancestor of another parent");
    }
    this.#genesis ??= hash;
    this.#take(hash, op, parents);
    return { kind: "added" };
  }

  #take(hash: Hash, op: LoggedOp["op"], parents: readonly Entry[]): void {
    const before = this.#states.of(parents);
    const placed = { hash, op, depth: depthAfter(parents) };
    const cut = atCut(before, placed, this.#crypto);
    const take = "state" in cut ? takeOf(before, placed, this.#crypto) : undefined;
    const entry: Entry = {
      ...placed,
      index: this.#entries.size,
      parents,
      children: [],
      takeName: takeNameOf(placed),
      takenBy: new Map(),
      ...("state" in cut ? {} : { cut }),
      ...(take === undefined ? {} : { take }),
    };
    const last = parents.length === this.#heads.size && parents.every((parent) => this.#heads.has(parent));
    const between = last && parents.length > 1 ? this.#states.resolved(parents) : undefined;
    for (const parent of parents) {
      parent.children.push(entry);
      this.#heads.delete(parent);
    }
    this.#heads.add(entry);
    this.#entries.set(hash, entry);
    this.#segments.length -= this.#spine.add(entry, last);
    if (last) {
      const verdict: OpVerdict = entry.cut === undefined ? EFFECTIVE : { ...entry.cut, at: "cut" };
      const order = between?.order.map((each) => [each, between.verdicts.get(each)!] as const) ?? [];
      const segment = [...order, [entry, verdict] as const];
      for (const [each, its] of segment) this.#closed.set(each, its);
      this.#segments.push(segment);
    }
    const after = "state" in cut ? cut.state : before;
    if (after !== undefined) this.#states.keep(entry, noted(after, entry), last);
  }

  ops(): readonly LoggedOp[] {
    const closed = this.#segments.flatMap((segment) => segment.map(([entry]) => entry));
    return [...closed, ...this.#open().order].map(({ hash, op }) => ({ hash, op }));
  }

  verdict(hash: Hash): OpVerdict | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    return this.#open().verdicts.get(entry) ?? this.#closed.get(entry);
  }

  /** What lies after the last cut point of the whole log. */
  #open(): Pick<Resolved, "order" | "verdicts"> {
    const heads = [...this.#heads];
    return heads.length > 1 ? this.#states.resolved(heads) : NOTHING_OPEN;
  }

  stateAt(position: readonly Hash[]): Namespace | undefined | "unknown" {
    const tips = position.map((hash) => this.#entries.get(hash));
    return tips.every((tip) => tip !== undefined) ? this.#states.of(tips) : "unknown";
  }

  judge(ops: readonly LoggedOp[]): Judged {
    const verdicts: OpVerdict[] = [];
    let made: { readonly hash: Hash; readonly state: Namespace | undefined } | undefined;
    let state = this.state;
    for (const { hash, op } of ops) {
      const upon = made !== undefined && op.parents.length === 1 && op.parents[0] === made.hash;
      const before = upon ? made?.state : this.stateAt(op.parents);
      if (before === "unknown")
        throw new ShoalError("internal", "an op is judged upon what is here, or upon the one before");
      const depth = upon
        ? (before?.depth ?? 0) + 1
        : depthAfter(op.parents.map((parent) => this.#entries.get(parent)!));
      const placed = { hash, op, depth };
      const cut = atCut(before, placed, this.#crypto);
      verdicts.push("state" in cut ? EFFECTIVE : { ...cut, at: "cut" });
      const after = "state" in cut ? cut.state : before;
      state = after && noted(after, placed);
      made = { hash, state };
    }
    return { verdicts, state };
  }
}

const NOTHING_OPEN: Pick<Resolved, "order" | "verdicts"> = { order: [], verdicts: new Map() };

/** What every member may do to itself takes the same each time; the rest depends on the state that it was made on. */
function takeNameOf({ hash, op: { action, groupId, signer } }: PlacedOp): string {
  if (action.type === "MemberLeft") return `${action.type} ${groupId} ${signer}`;
  return action.type === "AccountDeviceUnlinked" ? `${action.type} ${action.device}` : hash;
}

const depthAfter = (parents: readonly Entry[]): number => 1 + Math.max(0, ...parents.map(({ depth }) => depth));
