/** Histories of a few replicas for every type of collection: what each of them did, and which deltas of others it had then. */
import * as fc from "fast-check";
import type { Collections } from "@shoal/node/crdt/contract.ts";
import { identity, listed, number, Replica, textOf, utf8 } from "./replica.ts";

export const id = new Uint8Array(32).fill(9);
export const keys = ["a", "b", "c"].map(utf8);
export const REPLICAS = 3;
const members = [1, 2, 3].map((seed) => identity(seed).publicKey);

export interface Kind {
  make(c: Collections): void;
  /** Does something, chosen by three numbers; may throw what a guest would be told. */
  change(c: Collections, what: number, key: Uint8Array, value: Uint8Array): void;
  read(c: Collections): unknown;
}

const sets = (name: "set" | "sortedSet"): Kind => ({
  make: (c) => void c[name].createWithId(id),
  change(c, what, key) {
    if (what === 0) c[name].clear(id);
    else if (what < 4) c[name].remove(id, key);
    else c[name].insert(id, key);
  },
  read: (c) => [listed(c[name].iter(id)), number(c[name].len(id)), keys.map((key) => c[name].contains(id, key))],
});
const maps = (name: "map" | "sortedMap"): Kind => ({
  make: (c) => void c[name].createWithId(id),
  change(c, what, key, value) {
    if (what < 4) c[name].remove(id, key);
    else c[name].insert(id, key, value);
  },
  read: (c) => [listed(c[name].iter(id)), keys.map((key) => textOf(c[name].get(id, key)))],
});

export const KINDS: Readonly<Record<string, Kind>> = {
  map: maps("map"),
  sortedMap: maps("sortedMap"),
  set: sets("set"),
  sortedSet: sets("sortedSet"),
  vector: {
    make: (c) => void c.vector.createWithId(id),
    change(c, what, _key, value) {
      if (what < 3) c.vector.pop(id);
      else c.vector.push(id, value);
    },
    read(c) {
      const length = number(c.vector.len(id));
      return Array.from({ length }, (_, at) => textOf(c.vector.get(id, BigInt(at))));
    },
  },
  register: {
    make: (c) => void c.register.createWithId(id),
    change: (c, what, _key, value) => c.register.set(id, what === 0 ? undefined : value),
    read: (c) => [textOf(c.register.get(id)), c.register.timestamp(id)],
  },
  counter: {
    make: (c) => void c.counter.createWithId(id),
    change: (c) => c.counter.increment(id),
    read: (c) => [number(c.counter.value(id)), members.map((member) => number(c.counter.executorCount(id, member)))],
  },
  pnCounter: {
    make: (c) => void c.pnCounter.createWithId(id),
    change: (c, what) => (what < 4 ? c.pnCounter.decrement(id) : c.pnCounter.increment(id)),
    read: (c) => number(c.pnCounter.value(id)),
  },
  text: {
    make: (c) => void c.text.createWithId(id),
    change(c, what, _key, value) {
      const length = number(c.text.len(id));
      if (what < 3) c.text.delete(id, BigInt(what % Math.max(length, 1)));
      else c.text.insert(id, BigInt((what * 7) % (length + 1)), value);
    },
    read: (c) => textOf(c.text.text(id)),
  },
  userStorage: {
    make: (c) => void c.userStorage.createWithId(id),
    change(c, what, _key, value) {
      if (what < 3) c.userStorage.remove(id);
      else c.userStorage.insert(id, value);
    },
    read: (c) => members.map((member) => textOf(c.userStorage.getForUser(id, member))),
  },
  frozenStorage: {
    make: (c) => void c.frozenStorage.createWithId(id),
    change: (c, _what, key) => void c.frozenStorage.add(id, key),
    read: (c) => keys.map((key) => textOf(c.frozenStorage.get(id, c.frozenStorage.add(id, key)))),
  },
  authoredMap: {
    make: (c) => void c.authoredMap.createWithId(id),
    change(c, what, key, value) {
      if (what < 3) c.authoredMap.remove(id, key);
      else if (c.authoredMap.contains(id, key)) c.authoredMap.update(id, key, value);
      else c.authoredMap.insert(id, key, value);
    },
    read: (c) => [
      listed(c.authoredMap.iter(id)),
      number(c.authoredMap.len(id)),
      keys.map((key) => c.authoredMap.ownerOf(id, key)),
    ],
  },
  authoredVector: {
    make: (c) => void c.authoredVector.createWithId(id),
    change(c, what, _key, value) {
      if (what > 5) c.authoredVector.push(id, value);
      else if (what > 2) c.authoredVector.update(id, BigInt(what - 3), value);
      else c.authoredVector.tombstone(id, BigInt(what));
    },
    read: (c) => [
      listed(c.authoredVector.iter(id)),
      c.authoredVector.ownerOf(id, 0n),
      number(c.authoredVector.len(id)),
    ],
  },
  shared: {
    make: (c) => void c.shared.createWithId(id, Buffer.concat(members), false),
    change(c, what, key, value) {
      if (what > 2) c.shared.set(id, value);
      else c.shared.rotateWriters(id, Buffer.concat(members.filter((_, at) => at !== key[0]! % 3)));
    },
    read: (c) => [textOf(c.shared.get(id)), c.shared.writers(id), c.shared.isFrozen(id)],
  },
  "root document": {
    make: (c) => c.persistRootState(utf8("made"), 1n),
    change: (c, _what, _key, value) => c.persistRootState(value, 1n),
    read: (c) => textOf(c.readRootState()),
  },
};

export type Step =
  | { readonly do: "change"; readonly at: number; readonly what: number; readonly key: number; readonly value: number }
  | { readonly do: "deliver" | "remake" | "delete"; readonly at: number }
  | { readonly do: "clock"; readonly at: number; readonly to: number };

export const steps = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("change" as const),
        at: fc.nat(REPLICAS - 1),
        what: fc.nat(9),
        key: fc.nat(2),
        value: fc.nat(3),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver" as const), at: fc.nat(REPLICAS - 1) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("remake" as const, "delete" as const), at: fc.nat(REPLICAS - 1) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("clock" as const), at: fc.nat(REPLICAS - 1), to: fc.nat(40) }),
    },
  ),
  { minLength: 4, maxLength: 40, size: "max" },
);

export interface Sent {
  readonly artifact: Uint8Array;
  /** Deltas that its author had when it was made. */
  readonly after: ReadonlySet<number>;
}

/** What the replicas of a history had to say; every replica has what it said itself, and what was delivered to it. */
export function play(
  kind: Kind,
  history: readonly Step[],
): { readonly replicas: Replica[]; readonly sent: Sent[]; readonly has: Set<number>[] } {
  const replicas = Array.from({ length: REPLICAS }, (_, at) => new Replica(at + 1));
  const has = replicas.map(() => new Set<number>());
  const sent: Sent[] = [];
  const say = (at: number, call: (c: Collections) => void): void => {
    const artifact = replicas[at]!.run((c) => {
      try {
        call(c);
      } catch {
        // What a guest is told; what it wrote before is flushed all the same.
      }
    });
    if (artifact.length === 0) return;
    sent.push({ artifact, after: new Set(has[at]) });
    has[at]!.add(sent.length - 1);
  };
  say(0, (c) => kind.make(c));
  for (let at = 1; at < REPLICAS; at++) deliver(replicas, sent, has, at, [0]);
  for (const step of history) {
    if (step.do === "change") {
      say(step.at, (c) => kind.change(c, step.what, keys[step.key]!, utf8(`${step.value}${step.at}`)));
    } else if (step.do === "clock") replicas[step.at]!.clock = BigInt(step.to);
    else if (step.do === "remake") say(step.at, (c) => kind.make(c));
    else if (step.do === "delete") say(step.at, (c) => void c.deleteCollection(id));
    else deliver(replicas, sent, has, step.at, sent.keys());
  }
  return { replicas, sent, has };
}

export function deliver(
  replicas: Replica[],
  sent: readonly Sent[],
  has: Set<number>[],
  to: number,
  which: Iterable<number>,
): void {
  for (const delta of which) {
    if (has[to]!.has(delta)) continue;
    replicas[to]!.apply(sent[delta]!.artifact);
    has[to]!.add(delta);
  }
}

/** A causal order of `sent`, drawn from `order`. */
export function causal(sent: readonly Sent[], order: readonly number[]): number[] {
  const left = new Set(sent.keys());
  const out: number[] = [];
  for (let round = 0; left.size > 0; round++) {
    const ready = [...left].filter((delta) => [...sent[delta]!.after].every((before) => !left.has(before)));
    const next = ready[(order[round % order.length] ?? 0) % ready.length]!;
    left.delete(next);
    out.push(next);
  }
  return out;
}

export const seen = (kind: Kind, replica: Replica): unknown => {
  try {
    return replica.read((c) => kind.read(c));
  } catch (thrown) {
    return String(thrown);
  }
};
