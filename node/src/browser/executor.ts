/** Runs and merges on the page's own thread, one after the other, each in a turn of the event loop of its own. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Executor } from "../runtime/contract.ts";
import { createRunner } from "../runtime/run/runner.ts";
import type { Store } from "../storage/store.ts";

const MODULE_CACHE_BYTES = 64 * 1024 * 1024;

export function createBrowserExecutor(store: Store, blobsPath: string, clock: Clock): Executor {
  const runner = createRunner({
    reader: store,
    blobs: { directory: blobsPath, clock },
    moduleCacheBytes: MODULE_CACHE_BYTES,
  });
  let closed = false;
  const turn = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (closed) throw new ShoalError("unavailable", "the node has stopped");
    return work();
  };
  return {
    run: (request) => turn(() => runner.run(request)),
    merge: (request) => turn(() => runner.merge(request)),
    async close() {
      closed = true;
    },
  };
}
