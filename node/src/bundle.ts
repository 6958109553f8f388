/** What the bundle begins with: one file that is the node's process, and the program of each of its threads. */
import { isMainThread, workerData } from "node:worker_threads";

if (isMainThread) {
  const { runProcess } = await import("./process.ts");
  await runProcess(new URL(import.meta.url));
} else if ((workerData as object | null) !== null && "slots" in (workerData as object)) {
  await import("./runtime/executor/worker.ts");
} else {
  await import("./applications/prepare-worker.ts");
}
