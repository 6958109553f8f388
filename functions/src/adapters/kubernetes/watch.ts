/**
 * One watch: events until it ends, and why it ended. Iterating never throws; the last event is always `END`, so that no
 * reader can forget that a watch stops. `watchUntilQuiet` is the short form for a pass that must not live long: it reads
 * what happened since a version and stops as soon as nothing comes any more.
 */
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { KubernetesClient } from "./client.ts";
import { KubernetesError, isExpired, unreachable, type StatusBody } from "./error.ts";
import { linesOf } from "./lines.ts";
import { withoutManagedFields, type Selection } from "./list.ts";
import { collectionPath, type Resource } from "./resources.ts";
import type { KubernetesObject } from "./types.ts";

export type Change = "ADDED" | "MODIFIED" | "DELETED";

export interface ChangeEvent<T> {
  readonly type: Change;
  readonly object: T;
}

export type WatchEvent<T> = ChangeEvent<T> | { readonly type: "BOOKMARK"; readonly resourceVersion: string } | WatchEnd;

/**
 * `closed`: the server ended it, go on from the last version. `deadline`, `aborted`: we did. `expired`: the version is no
 * longer kept (410 as a status or inside the stream), list again. `failed`: anything else; the last version still holds.
 */
export type WatchEnd =
  | { readonly type: "END"; readonly because: "closed" | "deadline" | "aborted" }
  | { readonly type: "END"; readonly because: "expired" | "failed"; readonly error: KubernetesError };

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** The server is asked to end it then; we end it ourselves a little later. */
  readonly timeout: DurationMs;
  readonly signal?: AbortSignal;
}

/** An object of 1.5 MiB is the most that etcd takes; JSON escapes may double it. */
const LONGEST_LINE = 8 * 1024 ** 2;

/** The API sends the headers of a watch at once; one that does not is stuck. */
const OPENS_WITHIN = seconds(10);

/** How long after its own timeout the server may still end the stream in good order. */
const PATIENCE_MS = 1_000;

export async function* watchObjects<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const controller = new AbortController();
  let because: "deadline" | "aborted" | undefined;
  const end = (reason: "deadline" | "aborted"): void => {
    because ??= reason;
    controller.abort();
  };
  const timer = setTimeout(() => end("deadline"), options.timeout + PATIENCE_MS);
  const abort = (): void => end("aborted");
  if (options.signal?.aborted === true) abort();
  else options.signal?.addEventListener("abort", abort, { once: true });
  try {
    const body = await client.stream(collectionPath(resource, options.namespace), {
      signal: controller.signal,
      opensWithin: OPENS_WITHIN,
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: options.resourceVersion,
        timeoutSeconds: Math.max(1, Math.ceil(options.timeout / 1000)),
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      },
    });
    for await (const line of linesOf(body, { maxLength: LONGEST_LINE, partial: "throw" })) {
      if (line !== "") yield eventOf<T>(line);
    }
    yield { type: "END", because: because ?? "closed" };
  } catch (thrown) {
    yield because === undefined ? failure(thrown) : { type: "END", because };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    // A reader that stops early leaves the stream open otherwise.
    controller.abort();
  }
}

function eventOf<T extends KubernetesObject>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { readonly type: string; readonly object: T };
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: event.type, object: withoutManagedFields(event.object) };
    case "BOOKMARK":
      return { type: "BOOKMARK", resourceVersion: event.object.metadata.resourceVersion ?? "" };
    case "ERROR":
      throw statusError(event.object);
    default:
      throw new Error(`a watch event of unknown type ${event.type}`);
  }
}

function statusError(status: StatusBody): KubernetesError {
  return new KubernetesError({
    status: status.code ?? 500,
    reason: status.reason ?? "Unknown",
    message: status.message ?? "the watch ended with an error",
    details: status.details,
  });
}

function failure(thrown: unknown): WatchEnd {
  const error = thrown instanceof KubernetesError ? thrown : unreachable(thrown);
  return { type: "END", because: isExpired(error) ? "expired" : "failed", error };
}

export interface ShortWatchOptions extends Selection {
  readonly resourceVersion: string;
  /** Ends it once nothing arrived for this long, counted from the start and from each event. */
  readonly quiet: DurationMs;
  readonly atMost: DurationMs;
  readonly signal?: AbortSignal;
}

export type ShortWatch<T> =
  | {
      readonly state: "current";
      readonly events: readonly ChangeEvent<T>[];
      /** Where the next one continues; the one given where nothing happened. */
      readonly resourceVersion: string;
      /** It stopped at `atMost` or at a fault while events were still coming: more may be waiting. */
      readonly more: boolean;
    }
  | { readonly state: "expired" };

/**
 * What changed since a version. Throws `KubernetesError` where the watch could not be opened or broke before anything
 * came; what came before a fault is kept, since the version it ends at is good.
 */
export async function watchUntilQuiet<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  options: ShortWatchOptions,
): Promise<ShortWatch<T>> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  if (options.signal?.aborted === true) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  let quiet = false;
  const fallQuiet = (): void => {
    quiet = true;
    stop();
  };
  let timer: NodeJS.Timeout | undefined;
  const events: ChangeEvent<T>[] = [];
  let resourceVersion = options.resourceVersion;
  try {
    const stream = watchObjects(
      quietFrom(client, () => (timer = setTimeout(fallQuiet, options.quiet))),
      resource,
      {
        namespace: options.namespace,
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        resourceVersion,
        timeout: options.atMost,
        signal: controller.signal,
      },
    );
    const hardStop = setTimeout(stop, options.atMost);
    try {
      for await (const event of stream) {
        if (event.type === "END") {
          if (event.because === "expired") return { state: "expired" };
          if (event.because === "failed" && events.length === 0) throw event.error;
          return { state: "current", events, resourceVersion, more: !quiet };
        }
        if (event.type === "BOOKMARK") {
          resourceVersion = event.resourceVersion;
          continue;
        }
        events.push(event);
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        timer?.refresh();
      }
    } finally {
      clearTimeout(hardStop);
    }
    return { state: "current", events, resourceVersion, more: !quiet };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", stop);
  }
}

/** The quiet time starts when the watch is open: a slow connection is not a quiet cluster. */
function quietFrom(client: KubernetesClient, opened: () => void): KubernetesClient {
  return {
    ...client,
    stream: async (path, options) => {
      const body = await client.stream(path, options);
      opened();
      return body;
    },
  };
}

export const SHORT_WATCH = { quiet: milliseconds(150), atMost: milliseconds(5_000) } as const;
