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
  const turns = createTurns();
  let closed = false;
  const turn = async <T>(work: () => T): Promise<T> => {
    await turns.next();
    if (closed) throw new ShoalError("unavailable", "the node has stopped");
    return work();
  };
  return {
    run: (request) => turn(() => runner.run(request)),
    merge: (request) => turn(() => runner.merge(request)),
    async close() {
      closed = true;
      turns.close();
    },
  };
}

interface Turns {
  /** Resolves in a later turn of the event loop; in the order of the calls. */
  next(): Promise<void>;
  /** Whoever waits goes on at once. */
  close(): void;
}

/** By messages to itself: a timer of a tab that nobody looks at fires once a second, or once a minute. */
function createTurns(): Turns {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.addEventListener("message", () => waiting.shift()?.());
  port1.start();
  return {
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        port2.postMessage(undefined);
      }),
    close() {
      for (const resolve of waiting.splice(0)) resolve();
      port1.close();
    },
  };
}
