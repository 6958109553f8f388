/** What a run is told (who, where, with what) and what it says: its result, its log, its panic, its commit. */
import type { RunState } from "../run/run-state.ts";
import type { Span } from "../run/guest-memory.ts";
import { HostTrap, invalidAccess } from "../run/trap.ts";
import type { HostFunctions } from "./host-functions.ts";

const ROOT_BYTES = 32;

export const inputOutputFunctions = {
  input: (run: RunState, register: bigint) => run.registers.set(register, run.request.input),
  context_id: (run: RunState, register: bigint) => run.registers.set(register, run.request.context),
  executor_id: (run: RunState, register: bigint) => run.registers.set(register, run.request.executor),
  account_id: (run: RunState, register: bigint) => run.registers.set(register, run.request.executor),
  device_id: (run: RunState, register: bigint) => run.registers.set(register, run.request.device),

  xcall_origin(run: RunState, register: bigint): number {
    const origin = run.request.xcallOrigin;
    if (origin === undefined) return 0;
    run.registers.set(register, origin);
    return 1;
  },

  /** The last call counts. */
  value_return(run: RunState, result: bigint): void {
    const at = run.memory.at(result, 24);
    const tag = run.memory.u64(at);
    if (tag !== 0 && tag !== 1) throw new HostTrap("DeserializationError", "deserialization error");
    const value = run.memory.spanAt(at + 8);
    const max = run.limits.maxReturnBytes;
    if (value.length > max) {
      throw new HostTrap("ReturnValueSizeOverflow", `return value too large (size: ${value.length}, max: ${max})`);
    }
    run.returned = { error: tag === 1, bytes: run.memory.copy(value) };
  },

  log_utf8(run: RunState, line: bigint): void {
    const span = run.memory.span(line);
    refuseLog(run, span.length);
    run.logs.push(run.memory.text(span));
  },

  /** QuickJS' print: pointer and length without a descriptor, and whatever bytes a script printed. */
  js_std_d_print(run: RunState, _context: bigint, pointer: bigint, length: bigint): number {
    const span: Span = { at: Number(pointer), length: Number(BigInt.asUintN(64, length)) };
    refuseLog(run, span.length);
    run.logs.push(new TextDecoder().decode(run.memory.borrow(span)));
    return 0;
  },

  panic(run: RunState, location: bigint): void {
    throw new HostTrap("Panic", `guest panicked: explicit panic${place(run, location)}`);
  },

  panic_utf8(run: RunState, message: bigint, location: bigint): void {
    const text = run.memory.text(run.memory.span(message));
    throw new HostTrap("Panic", `guest panicked: ${text}${place(run, location)}`);
  },

  /** Once per run. The root and the artifact are the guest's word; whoever applies the outcome believes or checks them. */
  commit(run: RunState, root: bigint, artifact: bigint): void {
    if (run.committed !== undefined) throw invalidAccess();
    const rootHash = run.memory.copyExactly(run.memory.span(root), ROOT_BYTES);
    const span = run.memory.span(artifact);
    refuseArtifact(run, span.length);
    run.committed = { rootHash, artifact: run.memory.copy(span) };
  },

  emit_migration_witness(run: RunState, witness: bigint): void {
    const span = run.memory.span(witness);
    refuseArtifact(run, span.length);
    run.migrationWitness = run.memory.copy(span);
  },

  /** Refused for good: what a run does must not depend on somebody else's server. Guests expect 1 and a text. */
  fetch(run: RunState, _url: bigint, _method: bigint, _headers: bigint, _body: bigint, register: bigint): number {
    run.registers.set(register, FETCH_DISABLED);
    return 1;
  },
} satisfies HostFunctions;

const FETCH_DISABLED = new TextEncoder().encode("this host function is disabled: fetch");

function refuseLog(run: RunState, length: number): void {
  if (run.logs.length >= run.limits.maxLogs) throw new HostTrap("LogsOverflow", "logs overflow");
  if (length > run.limits.maxLogBytes) throw new HostTrap("LogLengthOverflow", "log size overflow");
}

function refuseArtifact(run: RunState, size: number): void {
  const max = run.limits.maxArtifactBytes;
  if (size > max)
    throw new HostTrap("ArtifactSizeOverflow", `commit artifact size overflow (size: ${size}, max: ${max})`);
}

/** ` at file:line:column` of a Location descriptor. */
function place(run: RunState, location: bigint): string {
  const at = run.memory.at(location, 24);
  return ` at ${run.memory.text(run.memory.spanAt(at))}:${run.memory.u32(at + 16)}:${run.memory.u32(at + 20)}`;
}
