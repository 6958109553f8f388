/**
 * Runs and merges in process, at once: native apps on the production run state, merges by the production's own. Every so often
 * a run is done twice and compared, since a run is to be a function of its request (I18).
 */
import { isDeepStrictEqual } from "node:util";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { CollectionError } from "@shoal/node/crdt/error.ts";
import type {
  Executor,
  MergeOutcome,
  MergeRequest,
  Outcome,
  RunFailure,
  RunRequest,
} from "@shoal/node/runtime/contract.ts";
import { executionError } from "@shoal/node/runtime/run/failure.ts";
import { hostMerge } from "@shoal/node/runtime/run/host-merge.ts";
import { Layered } from "@shoal/node/runtime/run/layered.ts";
import { mergeAll } from "@shoal/node/runtime/run/merge.ts";
import { outcomeOf } from "@shoal/node/runtime/run/outcome.ts";
import { RunState } from "@shoal/node/runtime/run/run-state.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { AppError, type Args, type NativeApp } from "./apps.ts";

/** Share of runs that are done twice. */
const REPEATED = 0.05;
const TIMINGS = { instanceUs: 0, guestUs: 0, hostUs: 0, merkleUs: 0 };

export interface SimExecutorInit {
  readonly store: Store;
  /** By the name of their prepared module. */
  readonly apps: ReadonlyMap<string, NativeApp>;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of a run that was not the same the second time. */
  onUnlike(what: string): void;
  /** Told of each run, and of each that is done twice. */
  onRun(method: string, isRepeated: boolean): void;
  /** Told of what guests are about to be handed from others. */
  onMerge(request: MergeRequest): void;
}

export function createSimExecutor(init: SimExecutorInit): Executor {
  const { store, apps, clock, random } = init;
  const blobs = { directory: "/nonexistent", clock };
  const appOf = (module: string): NativeApp => {
    const app = apps.get(module);
    if (app === undefined) throw new ShoalError("not_found", `the node does not hold the module ${module}`);
    return app;
  };
  const run = (request: RunRequest): Outcome => {
    const state = new RunState(request, { reader: new Layered(store, request.ahead ?? []), blobs });
    return outcomeOf(state, call(appOf(request.module), state), { gasUsed: 0n, timings: TIMINGS });
  };
  const merge = (request: MergeRequest): MergeOutcome => {
    appOf(request.module);
    return mergeAll(request, hostMerge(request, new Layered(store, request.ahead ?? [])));
  };
  const twice = <T>(what: string, work: () => T): T => {
    const result = work();
    const isRepeated = random.next() < REPEATED;
    init.onRun(what, isRepeated);
    if (isRepeated && !isDeepStrictEqual(work(), result)) init.onUnlike(what);
    return result;
  };
  return {
    run: async (request) => twice(request.method, () => run(request)),
    async merge(request) {
      init.onMerge(request);
      return twice("a merge", () => merge(request));
    },
    async close() {},
  };
}

function call(app: NativeApp, run: RunState): RunFailure | undefined {
  const { method, input } = run.request;
  const body = app.methods[method];
  if (body === undefined) {
    return { kind: "MethodResolutionError", detail: "MethodNotFound", message: `no method ${method}` };
  }
  try {
    const args = input.length === 0 ? {} : (JSON.parse(new TextDecoder().decode(input)) as Args);
    const returned = body(run, args);
    run.returned = { error: false, bytes: new TextEncoder().encode(JSON.stringify(returned ?? null)) };
    const flushed = run.collections.flush();
    if (flushed !== undefined) run.committed = flushed;
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AppError || thrown instanceof CollectionError)) throw thrown;
    return executionError(new TextEncoder().encode(thrown.message));
  }
}
