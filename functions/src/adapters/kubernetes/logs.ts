/** A pod's log, as text or line by line. Follows until the container ends or the caller aborts. */
import { seconds } from "@shoal/shared/base/time.ts";
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
const OPENS_WITHIN = seconds(10);
const ACCEPT = "text/plain, */*";

function query(options: PodLogOptions): Record<string, string | number | boolean | undefined> {
  return {
    container: options.container,
    tailLines: options.tailLines,
    sinceSeconds: options.sinceSeconds,
    timestamps: options.timestamps,
    previous: options.previous,
  };
}

export async function podLogText(
  client: KubernetesClient,
  pod: ObjectName,
  options: PodLogOptions & { readonly signal?: AbortSignal },
): Promise<string> {
  const text = await client.request<string | undefined>("GET", objectPath(PODS, pod, "log"), {
    query: query(options),
    accept: ACCEPT,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return text ?? "";
}

/**
 * Lines that there are now, as they are read, so that a long log is never whole in memory. Throws `KubernetesError` before
 * the first line where it is refused. Ends in good order when `signal` aborts; throws where it is cut.
 */
export async function podLogLines(
  client: KubernetesClient,
  pod: ObjectName,
  options: PodLogOptions & { readonly signal: AbortSignal },
): Promise<AsyncGenerator<string>> {
  const { signal } = options;
  const path = objectPath(PODS, pod, "log");
  const body = await client.stream(path, { query: query(options), accept: ACCEPT, signal, opensWithin: OPENS_WITHIN });
  return linesUntil(signal, body);
}

/** Lines as they are written. Ends in good order when the container ends or `signal` aborts; throws where it is cut. */
export async function* followPodLog(
  client: KubernetesClient,
  pod: ObjectName,
  options: PodLogOptions & { readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const { signal } = options;
  try {
    const body = await client.stream(objectPath(PODS, pod, "log"), {
      query: { ...query(options), follow: true },
      accept: ACCEPT,
      signal,
    });
    yield* linesUntil(signal, body);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

async function* linesUntil(signal: AbortSignal, body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  try {
    yield* linesOf(body, { maxLength: LONGEST_LINE, partial: "yield" });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
