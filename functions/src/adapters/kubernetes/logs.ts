/** A pod's log, as text or line by line. Follows until the container ends or the caller aborts. */
import type { KubernetesClient } from "./client.ts";
import { linesOf } from "./lines.ts";
import { objectPath, PODS, type ObjectName } from "./resources.ts";

export interface PodLogOptions {
  readonly container?: string | undefined;
  readonly tailLines?: number | undefined;
  readonly sinceSeconds?: number | undefined;
  readonly timestamps?: boolean | undefined;
  /** The container's former life. */
  readonly previous?: boolean | undefined;
}

const LONGEST_LINE = 1024 ** 2;

function query(options: PodLogOptions): Record<string, string | number | boolean | undefined> {
  return {
    container: options.container,
    tailLines: options.tailLines,
    sinceSeconds: options.sinceSeconds,
    timestamps: options.timestamps,
    previous: options.previous,
  };
}

export async function podLogText(client: KubernetesClient, pod: ObjectName, options: PodLogOptions): Promise<string> {
  const text = await client.request<string | undefined>("GET", objectPath(PODS, pod, "log"), {
    query: query(options),
    accept: "text/plain, */*",
  });
  return text ?? "";
}

/** Lines as they are written. Ends in good order when the container ends or `signal` aborts; throws where it is cut. */
export async function* followPodLog(
  client: KubernetesClient,
  pod: ObjectName,
  options: PodLogOptions & { readonly signal: AbortSignal },
): AsyncGenerator<string> {
  try {
    const body = await client.stream(objectPath(PODS, pod, "log"), {
      query: { ...query(options), follow: true },
      accept: "text/plain, */*",
      signal: options.signal,
    });
    yield* linesOf(body, { maxLength: LONGEST_LINE, partial: "yield" });
  } catch (thrown) {
    if (!options.signal.aborted) throw thrown;
  }
}
