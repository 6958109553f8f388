/** Single values: registers where the last write wins, counters that go up or both ways, and the value of a writer set. */
import type { Collections, CounterCalls } from "../../../crdt/contract.ts";
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { done, flag, made, value } from "./answers.ts";
import { content, name } from "./arguments.ts";
import { makingFunctions } from "./making.ts";

const registerFunctions: HostFunctions = {
  ...makingFunctions("js_crdt_lww_", (all) => all.register),
  /** `hasValue` 0 empties it, whatever `val` points to. */
  js_crdt_lww_set: (run: RunState, id: bigint, val: bigint, hasValue: number) =>
    done(run, (all) => all.register.set(name(run, id), hasValue === 0 ? undefined : content(run, val))),
  js_crdt_lww_get: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.register.get(name(run, id))),
  js_crdt_lww_timestamp: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.register.timestamp(name(run, id))),
};

function counterFunctions(prefix: string, of: (collections: Collections) => CounterCalls): HostFunctions {
  return {
    ...makingFunctions(prefix, of),
    [`${prefix}increment`]: (run: RunState, id: bigint) => done(run, (all) => of(all).increment(name(run, id))),
    [`${prefix}value`]: (run: RunState, id: bigint, register: bigint) =>
      value(run, register, (all) => of(all).value(name(run, id))),
    [`${prefix}get_executor_count`]: (
      run: RunState,
      id: bigint,
      executor: bigint,
      hasExecutor: number,
      register: bigint,
    ) =>
      value(run, register, (all) => {
        const whose = hasExecutor === 0 ? undefined : name(run, executor);
        return of(all).executorCount(name(run, id), whose);
      }),
  };
}

const sharedFunctions: HostFunctions = {
  js_crdt_shared_new: (run: RunState, writers: bigint, frozen: number, register: bigint) =>
    made(run, register, (all) => all.shared.create(content(run, writers), frozen !== 0)),
  js_crdt_shared_new_with_id: (run: RunState, id: bigint, writers: bigint, frozen: number, register: bigint) =>
    made(run, register, (all) => all.shared.createWithId(name(run, id), content(run, writers), frozen !== 0)),
  js_crdt_shared_set: (run: RunState, id: bigint, val: bigint) =>
    done(run, (all) => all.shared.set(name(run, id), content(run, val))),
  js_crdt_shared_get: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.shared.get(name(run, id))),
  js_crdt_shared_writers: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.shared.writers(name(run, id))),
  js_crdt_shared_writable_by_me: (run: RunState, id: bigint) =>
    flag(run, (all) => all.shared.writableByMe(name(run, id))),
  js_crdt_shared_is_frozen: (run: RunState, id: bigint) => flag(run, (all) => all.shared.isFrozen(name(run, id))),
  js_crdt_shared_rotate_writers: (run: RunState, id: bigint, writers: bigint) =>
    done(run, (all) => all.shared.rotateWriters(name(run, id), content(run, writers))),
};

export const jsCellFunctions: HostFunctions = {
  ...registerFunctions,
  ...counterFunctions("js_crdt_counter_", (all) => all.counter),
  ...counterFunctions("js_crdt_pncounter_", (all) => all.pnCounter),
  js_crdt_pncounter_decrement: (run: RunState, id: bigint) =>
    done(run, (all) => all.pnCounter.decrement(name(run, id))),
  ...sharedFunctions,
};
