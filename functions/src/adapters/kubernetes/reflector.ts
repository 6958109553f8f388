/**
 * Keeps a local copy of one kind: a paged list, then watches that go on from each other, for as long as the process lives.
 * For long-running processes only; a function uses the short watch. Any fault restarts it after a jittered wait; 410 and
 * every ten minutes it lists anew, which also finds what a faulty watch swallowed. A handler that throws is logged and
 * never ends the stream.
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, minutes, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { KubernetesClient } from "./client.ts";
import { listObjects, type Selection } from "./list.ts";
import { keyOf, type Resource } from "./resources.ts";
import type { KubernetesObject } from "./types.ts";
import { watchObjects, type WatchEvent } from "./watch.ts";

export interface ReflectorHandler<T> {
  /** `before` is undefined for an object that was not known. A relist calls it only for objects whose version differs. */
  changed(object: T, before: T | undefined): void;
  deleted(object: T): void;
  /** After the first list and after every relist. */
  synced?(): void;
}

export interface ReflectorOptions<T extends KubernetesObject> extends Selection {
  readonly client: KubernetesClient;
  readonly resource: Resource<T>;
  readonly log: Log;
  readonly handler?: ReflectorHandler<T>;
  readonly relistEvery?: DurationMs;
}

export interface Reflector<T> {
  /** By `namespace/name`. Replaced objects are new values; never change one. */
  readonly store: ReadonlyMap<string, T>;
  /** Resolves after the first complete list; never rejects. Does not resolve where `stop` came first. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

const RESTART: Backoff = { base: milliseconds(200), factor: 2, cap: seconds(15) };
const WATCH_TIMEOUT = minutes(5);

export function startReflector<T extends KubernetesObject>(options: ReflectorOptions<T>): Reflector<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const store = new Map<string, T>();
  let markSynced = (): void => undefined;
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });
  const running = (async () => {
    for (let faults = 0; !signal.aborted;) {
      try {
        const from = await relist(options, store, signal);
        markSynced();
        faults = 0;
        await followUntilStale(options, store, from, signal);
      } catch (thrown) {
        if (signal.aborted) break;
        faults++;
        options.log.warn(
          { kind: options.resource.kind, error: messageOf(thrown) },
          "listing and watching starts again",
        );
        await options.client.clock.sleep(backoffDelay(RESTART, faults, options.client.random), signal).catch(() => {});
      }
    }
  })();
  return {
    store,
    synced,
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

async function relist<T extends KubernetesObject>(
  options: ReflectorOptions<T>,
  store: Map<string, T>,
  signal: AbortSignal,
): Promise<string> {
  const listed = await listObjects(options.client, options.resource, {
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    project: (object) => object,
    signal,
  });
  const present = new Set<string>();
  for (const object of listed.items) {
    present.add(keyOf(object));
    put(options, store, object);
  }
  for (const [key, object] of store) if (!present.has(key)) drop(options, store, object);
  call(options, () => options.handler?.synced?.());
  return listed.resourceVersion;
}

/** Watches from `from` on until the copy has to be listed anew: 410, or the time for it has come. */
async function followUntilStale<T extends KubernetesObject>(
  options: ReflectorOptions<T>,
  store: Map<string, T>,
  from: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = options.client;
  const span = options.relistEvery ?? minutes(10);
  // Jittered, so that reflectors that started together do not list together for ever.
  const relistAt = clock.monotonic() + span * (0.9 + 0.2 * random.next());
  let resourceVersion = from;
  for (let faults = 0; !signal.aborted;) {
    const left = relistAt - clock.monotonic();
    if (left <= 0) return;
    const timeout = milliseconds(Math.min(left, WATCH_TIMEOUT));
    let progressed = false;
    for await (const event of watchObjects(options.client, options.resource, {
      namespace: options.namespace,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      resourceVersion,
      timeout,
      signal,
    })) {
      if (event.type !== "END") {
        progressed = true;
        resourceVersion = take(options, store, event) ?? resourceVersion;
        continue;
      }
      if (event.because === "expired") return;
      if (event.because === "failed") {
        options.log.debug({ kind: options.resource.kind, error: event.error.message }, "a watch was cut");
      }
    }
    // A server that closes every watch at once must not be asked in a tight loop either.
    faults = progressed ? 1 : faults + 1;
    if (!signal.aborted) await clock.sleep(backoffDelay(RESTART, faults, random), signal).catch(() => {});
  }
}

function take<T extends KubernetesObject>(
  options: ReflectorOptions<T>,
  store: Map<string, T>,
  event: Exclude<WatchEvent<T>, { type: "END" }>,
): string | undefined {
  if (event.type === "BOOKMARK") return event.resourceVersion;
  if (event.type === "DELETED") drop(options, store, event.object);
  else put(options, store, event.object);
  return event.object.metadata.resourceVersion;
}

function put<T extends KubernetesObject>(options: ReflectorOptions<T>, store: Map<string, T>, object: T): void {
  const key = keyOf(object);
  const before = store.get(key);
  if (before?.metadata.resourceVersion === object.metadata.resourceVersion && before !== undefined) return;
  // The name was deleted and taken again while nobody watched: the old one's end must be heard as well.
  if (before !== undefined && before.metadata.uid !== object.metadata.uid) drop(options, store, before);
  const known = store.get(key);
  store.set(key, object);
  call(options, () => options.handler?.changed(object, known));
}

function drop<T extends KubernetesObject>(options: ReflectorOptions<T>, store: Map<string, T>, object: T): void {
  if (!store.delete(keyOf(object))) return;
  call(options, () => options.handler?.deleted(object));
}

function call<T extends KubernetesObject>(options: ReflectorOptions<T>, handle: () => void): void {
  try {
    handle();
  } catch (thrown) {
    options.log.error({ kind: options.resource.kind, error: messageOf(thrown) }, "a watch handler failed");
  }
}
