/** A worker that reads the key `k` of `state` on demand. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { textKey } from "@shoal/node/storage/keys.ts";
import { openReader } from "@shoal/node/storage/open.ts";
import type { Snapshot } from "@shoal/node/storage/store.ts";

const { path } = workerData as { readonly path: string };
const reader = await openReader(path);
let snapshot: Snapshot | undefined;

parentPort?.on("message", (question: string) => {
  try {
    if (question === "snapshot") snapshot = reader.snapshot();
    const from = question === "get snapshot" ? snapshot : reader;
    const value = from?.get("state", textKey("k"));
    parentPort?.postMessage(value === undefined ? undefined : new TextDecoder().decode(value));
  } catch (thrown) {
    parentPort?.postMessage(`refused: ${messageOf(thrown)}`);
  }
});
parentPort?.postMessage("ready");
