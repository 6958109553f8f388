/** What a run needs around it: a store on disk, a folder of blobs, and whoever runs. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobWriter } from "@shoal/node/blobs/worker-blobs.ts";
import { type BlobId, idOf } from "@shoal/node/model/ids.ts";
import type { Executor, Outcome, RunRequest } from "@shoal/node/runtime/contract.ts";
import { createExecutor, type ExecutorOptions } from "@shoal/node/runtime/executor/executor.ts";
import { DEFAULT_LIMITS, type VmLimits } from "@shoal/node/runtime/limits.ts";
import { createRunner } from "@shoal/node/runtime/run/runner.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

export interface Stage {
  readonly store: Store;
  /** Keeps a prepared module; its id. */
  install(module: Uint8Array): Promise<string>;
  /** Keeps a blob; its 32-byte id. */
  keep(content: Uint8Array): Promise<Uint8Array>;
  /** On this thread. */
  run(request: RunRequest): Outcome;
  /** Runs and applies what the run changed. */
  apply(request: RunRequest): Promise<Outcome>;
  executor(options?: Partial<ExecutorOptions>): Promise<Executor>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-runtime-"));
  const storePath = join(directory, "store");
  const blobsPath = join(directory, "blobs");
  await mkdir(blobsPath);
  const store = await openStore({ path: storePath, log: silentLog });
  const runner = createRunner({
    reader: store,
    blobs: { directory: blobsPath, clock: systemClock },
    moduleCacheBytes: 64 * 1024 * 1024,
  });
  const executors: Executor[] = [];
  const keep = async (content: Uint8Array): Promise<Uint8Array> => {
    const writer = new BlobWriter(blobsPath, systemClock);
    writer.write(content);
    const { blob, rows } = writer.close("test");
    await store.apply(rows);
    return blob;
  };
  return {
    store,
    keep,
    install: async (module) => idOf<BlobId>(await keep(module)),
    run: (request) => runner.run(request),
    async apply(request) {
      const outcome = runner.run(request);
      await store.apply(outcome.rows);
      return outcome;
    },
    async executor(options = {}) {
      const executor = await createExecutor({ storePath, blobsPath, log: silentLog, ...options });
      executors.push(executor);
      return executor;
    },
    async close() {
      await Promise.all(executors.map((executor) => executor.close()));
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

export const CONTEXT = new Uint8Array(32).fill(1);
export const EXECUTOR = new Uint8Array(32).fill(2);
export const DEVICE = new Uint8Array(32).fill(3);
export const ORIGIN = new Uint8Array(32).fill(4);
export const NOW_NS = 1_700_000_000_000_000_000n;

export function requestOf(module: string, method: string, more: Partial<RunRequest> = {}): RunRequest {
  return {
    context: CONTEXT,
    module,
    method,
    input: new Uint8Array(),
    executor: EXECUTOR,
    device: DEVICE,
    mode: "write",
    nowNs: NOW_NS,
    seed: new Uint8Array(32).fill(5),
    limits: DEFAULT_LIMITS,
    ...more,
  };
}

export function limitsOf(limits: Partial<VmLimits>): VmLimits {
  return { ...DEFAULT_LIMITS, ...limits };
}

/** What the method returned; throws the failure that it ended with. */
export function returnedBy(outcome: Outcome): Uint8Array {
  if ("failure" in outcome.returns) {
    const { kind, detail, message } = outcome.returns.failure;
    throw new Error(`${kind} ${detail ?? ""}: ${message}`);
  }
  return outcome.returns.ok ?? new Uint8Array();
}

/** `kind` or `kind.detail` of the failure; `ok` where there was none. */
export function endOf(outcome: Outcome): string {
  if (!("failure" in outcome.returns)) return "ok";
  const { kind, detail } = outcome.returns.failure;
  return detail === undefined ? kind : `${kind}.${detail}`;
}
