/**
 * One run: a fresh instance, the registration hook, the method, the outcome. A fresh instance costs some 20 µs, and is what
 * keeps one call's memory from the next.
 */
import { performance } from "node:perf_hooks";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Outcome, RunFailure } from "../contract.ts";
import type { Host } from "../host/imports.ts";
import { failureOf, gasExhausted, STACK_OVERFLOW } from "./failure.ts";
import { RESERVED_PREFIX } from "../module/checks.ts";
import { readMeters, runStart, setMeters } from "../module/meters.ts";
import { type Compiled, REGISTRATION_HOOK } from "./instance.ts";
import { invalidSignature, methodNotFound } from "./method-name.ts";
import { outcomeOf } from "./outcome.ts";
import type { RunState } from "./run-state.ts";

/** Throws a ShoalError where the node, not the guest, failed. */
export function runMethod(host: Host, compiled: Compiled, run: RunState): Outcome {
  host.enter(run);
  const started = performance.now();
  let begun = started;
  let instance: WebAssembly.Instance | undefined;
  let failure: RunFailure | undefined;
  try {
    instance = compiled.instantiate();
    setMeters(instance, { gas: run.limits.maxGas, stackBytes: run.limits.maxStackBytes });
    const { memory } = instance.exports;
    if (memory instanceof WebAssembly.Memory) run.memory.attach(memory);
    begun = performance.now();
    failure = call(instance, compiled, run);
  } catch (error) {
    failure = why(run, instance, error);
  } finally {
    host.leave();
  }
  const ended = performance.now();
  return outcomeOf(run, failure, {
    gasUsed: instance === undefined ? 0n : run.limits.maxGas - readMeters(instance).gasLeft,
    timings: {
      instanceUs: (begun - started) * 1000,
      guestUs: (ended - begun) * 1000,
      hostUs: run.hostMs * 1000,
      merkleUs: run.merkleMs * 1000,
    },
  });
}

function call(instance: WebAssembly.Instance, compiled: Compiled, run: RunState): RunFailure | undefined {
  const { method } = run.request;
  runStart(instance);
  const target = instance.exports[method];
  if (typeof target !== "function" || method.startsWith(RESERVED_PREFIX)) return methodNotFound(method);
  if (target.length > 0) return invalidSignature(method);
  if (compiled.hasHook) register(instance, run);
  const result = target();
  return result === undefined ? undefined : invalidSignature(method);
}

/** Its failure is the app's own business; what it cost counts. */
function register(instance: WebAssembly.Instance, run: RunState): void {
  const hook = instance.exports[REGISTRATION_HOOK];
  if (typeof hook !== "function") return;
  try {
    hook();
  } catch (error) {
    if (error instanceof ShoalError) throw error;
    run.failed = undefined;
    // A trap leaves the stack as deep as it was.
    setMeters(instance, { gas: readMeters(instance).gasLeft, stackBytes: run.limits.maxStackBytes });
  }
}

/** The first error counts: what the host said before what the guest made of it. */
function why(run: RunState, instance: WebAssembly.Instance | undefined, thrown: unknown): RunFailure {
  const error = run.failed === undefined ? thrown : run.failed.error;
  if (error instanceof ShoalError) throw error;
  if (isOutOfMemory(error)) throw new ShoalError("unavailable", "no memory is left for the run", { cause: error });
  const exhausted = run.failed === undefined && instance !== undefined ? readMeters(instance).exhausted : undefined;
  if (exhausted === "gas") return gasExhausted(run.limits.maxGas);
  return exhausted === "stack" ? STACK_OVERFLOW : failureOf(error);
}

/** The machine's doing, not the guest's: the same run may succeed elsewhere. A memory's own limits are no error but -1. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && /allocat|out of memory/i.test(error.message);
}
