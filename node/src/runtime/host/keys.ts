/** Keys and values on their way from the guest to a column, within their limits. */
import type { Span } from "../run/guest-memory.ts";
import type { RunState } from "../run/run-state.ts";
import { HostTrap } from "../run/trap.ts";

/** In the form in which the overlay knows keys. */
export function readKey(run: RunState, descriptor: bigint): string {
  return run.memory.latin1(keySpan(run, descriptor));
}

export function readBytesKey(run: RunState, descriptor: bigint): Uint8Array {
  return run.memory.copy(keySpan(run, descriptor));
}

export function readValue(run: RunState, descriptor: bigint): Uint8Array {
  const span = run.memory.span(descriptor);
  if (span.length > run.limits.maxStorageValueBytes) throw new HostTrap("ValueLengthOverflow", "value length overflow");
  return run.memory.copy(span);
}

function keySpan(run: RunState, descriptor: bigint): Span {
  const span = run.memory.span(descriptor);
  if (span.length > run.limits.maxStorageKeyBytes) throw new HostTrap("KeyLengthOverflow", "key length overflow");
  return span;
}
