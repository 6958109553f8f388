/** Prepares modules in a thread each: validation and metering of a large one take long, and the node has calls to answer. */
import { Worker } from "node:worker_threads";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { ModuleError, type ModuleErrorKind } from "../runtime/module/error.ts";
import type { PreparedModule, PrepareOptions } from "../runtime/module/prepare.ts";

export interface PrepareRequest {
  readonly bytes: Uint8Array;
  readonly options: PrepareOptions;
}

export type PrepareAnswer =
  | { readonly prepared: PreparedModule }
  | {
      readonly refused: { readonly kind: ModuleErrorKind; readonly message: string; readonly offset?: number };
    }
  | { readonly failed: string };

/** Megabytes of heap that preparing one module may take: the largest needs a fraction. */
const HEAP_MB = 1024;

/**
 * Throws `ModuleError` for a module that is refused, the signal's reason when it is aborted. `entry`: the thread's program,
 * where the node is bundled.
 */
export async function prepareInThread(
  request: PrepareRequest,
  signal: AbortSignal,
  entry: URL = new URL("./prepare-worker.ts", import.meta.url),
): Promise<PreparedModule> {
  signal.throwIfAborted();
  const worker = new Worker(entry, {
    workerData: request,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, stackSizeMb: 8 },
  });
  const ended = Promise.withResolvers<PrepareAnswer>();
  worker.once("message", (answer: PrepareAnswer) => ended.resolve(answer));
  worker.once("error", (error: unknown) => ended.resolve({ failed: messageOf(error) }));
  worker.once("exit", () => ended.resolve({ failed: "the thread ended without an answer" }));
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const answer = await ended.promise;
    if ("prepared" in answer) return answer.prepared;
    if ("refused" in answer) throw moduleError(answer.refused);
    throw new ShoalError("internal", `the module could not be prepared: ${answer.failed}`);
  } finally {
    signal.removeEventListener("abort", abort);
    await worker.terminate();
  }
}

/** The same error again: its class puts the offset behind the reason, where it is already. */
function moduleError({ kind, message, offset }: Extract<PrepareAnswer, { refused: unknown }>["refused"]): ModuleError {
  if (offset === undefined) return new ModuleError(kind, message);
  const suffix = ` (at byte ${offset})`;
  return new ModuleError(kind, message.endsWith(suffix) ? message.slice(0, -suffix.length) : message, { offset });
}
