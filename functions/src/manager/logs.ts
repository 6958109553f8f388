/** A processor's log lines as text, as they come. The lines are the pod's; that the pod is the caller's is looked up first. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Database } from "../store/database.ts";
import { findProcessor } from "../store/processors/read.ts";
import type { Handlers } from "./call.ts";
import type { Streams } from "./feed/streams.ts";
import { found } from "./missing.ts";

export interface LogsInit {
  readonly database: Pick<Database, "asTenant">;
  readonly logs: Pods["logs"];
  readonly streams: Streams;
  readonly clock: Pick<Clock, "sleep">;
}

/** Longest that the status of an answer waits for a line. */
const FIRST_LINE = seconds(2);
const TEXT = "text/plain; charset=utf-8";

export function logHandlers({ database, logs, streams, clock }: LogsInit): Pick<Handlers, "processors.logs"> {
  return {
    "processors.logs": async (call) => {
      const { caller, params, query } = call;
      const row = await database.asTenant(caller.organisation.id, (tx) =>
        findProcessor(tx, params.id, { lock: false }),
      );
      const { pod_name: pod, k8s_namespace: namespace } = found(row, "processor");
      if (pod === null) throw new ShoalError("conflict", "the processor has no pod at present");
      return streams.open(call, TEXT, async (signal) => {
        try {
          const lines = await logs(namespace, pod, {
            tailLines: query.tail,
            follow: query.follow,
            previous: query.previous,
            signal,
          });
          return await begun(lines, signal, clock);
        } catch (thrown) {
          throw told(thrown);
        }
      });
    },
  };
}

/** Waits for the first line, so that a refusal is told by the status; not for long, since a pod may be silent. */
async function begun(
  lines: AsyncIterable<string>,
  signal: AbortSignal,
  clock: Pick<Clock, "sleep">,
): Promise<AsyncGenerator<string>> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = iterator.next();
  const nap = new AbortController();
  const given = clock.sleep(FIRST_LINE, AbortSignal.any([nap.signal, signal])).catch(() => undefined);
  try {
    await Promise.race([first, given]);
  } finally {
    nap.abort();
  }
  return (async function* () {
    try {
      for (let next = await first; next.done !== true && !signal.aborted; next = await iterator.next())
        yield next.value.endsWith("\n") ? next.value : `${next.value}\n`;
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      await iterator.return?.();
    }
  })();
}

/** The cluster's refusals are ours to mend, never the caller's: only that there is no log (yet) is told as such. */
function told(thrown: unknown): ShoalError {
  if (thrown instanceof ShoalError && (thrown.code === "not_found" || thrown.code === "invalid_argument"))
    return new ShoalError("conflict", "the pod has no log yet", { cause: thrown });
  if (thrown instanceof ShoalError && (thrown.code === "cancelled" || thrown.code === "rate_limited")) return thrown;
  return new ShoalError("unavailable", "the log cannot be read at present", { cause: thrown, retryAfterSeconds: 5 });
}
