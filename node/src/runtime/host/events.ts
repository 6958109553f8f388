/** Events for subscribers and peers, and calls into other contexts: queued here, sent by whoever applies the outcome. */
import type { RunState } from "../run/run-state.ts";
import type { RunEvent } from "../contract.ts";
import { HostTrap } from "../run/trap.ts";
import type { HostFunctions } from "./host-functions.ts";

const CONTEXT_BYTES = 32;

export const eventFunctions = {
  emit(run: RunState, event: bigint): void {
    run.events.push(readEvent(run, event));
  },

  /** `handler` 0: without one. */
  emit_with_handler(run: RunState, event: bigint, handler: bigint): void {
    const plain = readEvent(run, event);
    if (handler === 0n) {
      run.events.push(plain);
      return;
    }
    const name = run.memory.span(handler);
    const max = run.limits.maxHandlerNameBytes;
    if (name.length > max) {
      const sizes = `(size: ${name.length}, max: ${max})`;
      throw new HostTrap("EventHandlerSizeOverflow", `event handler name too large ${sizes}`);
    }
    run.events.push({ ...plain, handler: run.memory.text(name) });
  },

  xcall(run: RunState, call: bigint): void {
    const at = run.memory.at(call, 48);
    const context = run.memory.spanAt(at);
    const method = run.memory.spanAt(at + 16);
    const params = run.memory.spanAt(at + 32);
    const { maxXCalls, maxXCallFunctionBytes, maxXCallParamsBytes } = run.limits;
    if (run.xcalls.length >= maxXCalls) throw new HostTrap("XCallsOverflow", "xcalls overflow");
    if (method.length > maxXCallFunctionBytes) {
      throw new HostTrap("XCallFunctionSizeOverflow", "xcall function size overflow");
    }
    if (params.length > maxXCallParamsBytes) {
      throw new HostTrap("XCallParamsSizeOverflow", "xcall params size overflow");
    }
    run.xcalls.push({
      context: run.memory.copyExactly(context, CONTEXT_BYTES),
      method: run.memory.text(method),
      params: run.memory.copy(params),
    });
  },
} satisfies HostFunctions;

function readEvent(run: RunState, event: bigint): RunEvent {
  const at = run.memory.at(event, 32);
  const kind = run.memory.spanAt(at);
  const data = run.memory.spanAt(at + 16);
  if (run.events.length >= run.limits.maxEvents) throw new HostTrap("EventsOverflow", "events overflow");
  if (kind.length > run.limits.maxEventKindBytes) {
    throw new HostTrap("EventKindSizeOverflow", "event kind size overflow");
  }
  if (data.length > run.limits.maxEventDataBytes) {
    throw new HostTrap("EventDataSizeOverflow", "event data size overflow");
  }
  return { kind: run.memory.text(kind), data: run.memory.copy(data) };
}
