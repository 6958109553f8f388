/** Counters: what each executor counted, merged by the larger count; the value is their sum. */
import type { CounterCalls, PnCounterCalls } from "../contract.ts";
import { CollectionError } from "../error.ts";
import { ENTRY } from "../kinds.ts";
import { idFrom, readCount, writeCount, type Count } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, entries, i64, open, put, u64 } from "./entries.ts";

const LARGEST = 2n ** 64n - 1n;

export function counterCalls(state: State): CounterCalls {
  return callsOf(state, "counter", u64);
}

export function pnCounterCalls(state: State): PnCounterCalls {
  return {
    ...callsOf(state, "pnCounter", i64),
    decrement: (id) => count(state, "pnCounter", id, (own) => ({ ...own, down: more(own.down) })),
  };
}

/** Counts nothing any more: what a deleted counter has counted is not there when it is made again. */
export function resetCounts(state: State, id: Uint8Array): void {
  for (const { data } of Array.from(entries(state, id, ENTRY.count))) {
    const counted = readCount(data);
    put(state, id, "count", writeCount({ ...counted, upBase: counted.up, downBase: counted.down }));
  }
}

function callsOf(state: State, name: "counter" | "pnCounter", encode: (value: bigint) => Uint8Array): CounterCalls {
  return {
    create: () => create(state, name),
    createWithId: (id) => createWithId(state, name, id),
    increment: (id) => count(state, name, id, (own) => ({ ...own, up: more(own.up) })),
    value(id) {
      open(state, name, id);
      let sum = 0n;
      for (const { data } of entries(state, id, ENTRY.count)) sum += net(readCount(data));
      return encode(sum);
    },
    executorCount(id, executor) {
      open(state, name, id);
      return encode(net(countOf(state, id, executor ?? state.env.executor)));
    },
  };
}

function count(state: State, name: "counter" | "pnCounter", id: Uint8Array, next: (own: Count) => Count): void {
  open(state, name, id);
  put(state, id, "count", writeCount(next(countOf(state, id, state.env.executor))));
}

function countOf(state: State, id: Uint8Array, executor: Uint8Array): Count {
  const write = state.live(id, idFrom("count", id, executor));
  return write === undefined ? { executor, up: 0n, upBase: 0n, down: 0n, downBase: 0n } : readCount(write.data);
}

const net = ({ up, upBase, down, downBase }: Count): bigint => up - upBase - (down - downBase);

function more(value: bigint): bigint {
  if (value === LARGEST) throw new CollectionError("the counter is at its largest value");
  return value + 1n;
}
