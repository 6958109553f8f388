/** A pod's log through the port. Bounded from the start: a container may have written for months. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { LogOptions, Pods } from "@shoal/shared/ports/pods.ts";
import type { KubernetesClient } from "../client.ts";
import { followPodLog, podLogLines, podLogText } from "../logs.ts";
import { atBorder, linesAtBorder } from "./border.ts";

const DEFAULT_TAIL_LINES = 1_000;
const MOST_TAIL_LINES = 10_000;

/** Logs alone, for whoever may read them and nothing else. */
export function createPodLogs(client: KubernetesClient): Pods["logs"] {
  return async (namespace, name, options) => {
    const { follow, previous, tailLines = DEFAULT_TAIL_LINES } = options;
    if (!Number.isInteger(tailLines) || tailLines < 0 || tailLines > MOST_TAIL_LINES) {
      const expected = `a whole number from 0 to ${MOST_TAIL_LINES} lines`;
      throw new ShoalError("invalid_argument", `expected ${expected}`, { field: "tailLines" });
    }
    const at = { namespace, name };
    const { signal } = controllerOf(options);
    return atBorder(async () => {
      try {
        if (!follow) return linesAtBorder(await podLogLines(client, at, { tailLines, previous, signal }));
        // The answer to a follow may begin with the first line only: whether there is a log is asked apart.
        await podLogText(client, at, { tailLines: 0, previous, signal });
        return linesAtBorder(followPodLog(client, at, { tailLines, previous, signal }));
      } catch (thrown) {
        if (!signal.aborted) throw thrown;
        return noLines();
      }
    }, "not_found");
  };
}

/** For a caller that has left: as in good order as later on. */
async function* noLines(): AsyncGenerator<string> {
  yield* [];
}

/** The port's signal has no ambient type; the client wants the platform's. */
function controllerOf({ signal }: LogOptions): AbortController {
  const controller = new AbortController();
  if (signal?.aborted === true) controller.abort();
  else signal?.addEventListener("abort", () => controller.abort(), { once: true });
  return controller;
}
