/** The program of a thread that prepares one module, so that a large one holds up nobody. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { ModuleError } from "../runtime/module/error.ts";
import { prepareModule } from "../runtime/module/prepare.ts";
import type { PrepareAnswer, PrepareRequest } from "./prepare-thread.ts";

function answer({ bytes, options }: PrepareRequest): PrepareAnswer {
  try {
    return { prepared: prepareModule(bytes, options) };
  } catch (thrown) {
    if (!(thrown instanceof ModuleError)) return { failed: messageOf(thrown) };
    const { kind, message, offset } = thrown;
    return { refused: { kind, message, ...(offset === undefined ? {} : { offset }) } };
  }
}

parentPort?.postMessage(answer(workerData as PrepareRequest));
