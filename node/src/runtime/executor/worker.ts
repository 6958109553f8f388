/**
 * The program of a worker thread: opens the store for reading, and runs what it is sent, one after another. Its event loop
 * turns between runs, which is when the store's handle hears that it has to let go.
 */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { openReader } from "../../storage/open.ts";
import type { VmLimits } from "../limits.ts";
import { createRunner, type Runner } from "../run/runner.ts";
import { packMerged, unpackMerge } from "./merge-messages.ts";
import {
  isMerge,
  NOT_BEGUN,
  packError,
  packOutcome,
  type ToWorker,
  unpackRequest,
  type WorkerInit,
} from "./messages.ts";
import { Slots } from "./slots.ts";

/** Answers larger than this are handed over instead of copied. */
const TRANSFER_BYTES = 16 * 1024;

const { init, slots: shared } = workerData as { readonly init: WorkerInit; readonly slots: SharedArrayBuffer };

async function main(): Promise<void> {
  const reader = await openReader(init.storePath, init.cipherKey);
  const blobs = { directory: init.blobsPath, clock: systemClock };
  const runner = createRunner({ reader, blobs, moduleCacheBytes: init.moduleCacheBytes });
  const slots = new Slots(shared);
  let limits: VmLimits | undefined;
  parentPort?.on("message", (message: ToWorker) => {
    if (message instanceof ArrayBuffer) {
      const answer = slots.begin(slots.next()) ? answerTo(runner, message, limits) : NOT_BEGUN;
      parentPort?.postMessage(answer, answer.byteLength > TRANSFER_BYTES ? [answer] : []);
    } else if ("limits" in message) limits = message.limits;
    else {
      parentPort?.close();
      void reader.close();
    }
  });
  parentPort?.postMessage({ ready: true });
}

function answerTo(runner: Runner, message: ArrayBuffer, limits: VmLimits | undefined): ArrayBuffer {
  try {
    if (limits === undefined) throw new Error("limits come before the first run");
    if (isMerge(message)) return packMerged(runner.merge(unpackMerge(message, limits)));
    return packOutcome(runner.run(unpackRequest(message, limits)));
  } catch (error) {
    return packError(error);
  }
}

try {
  await main();
} catch (error) {
  parentPort?.postMessage({ failed: messageOf(error) });
}
