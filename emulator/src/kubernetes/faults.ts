/** Everything that goes wrong with a real API, on demand: for the tests of its clients. Nothing here is on unless asked for. */
import type { ServerResponse } from "node:http";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Snapshot } from "./http/pages.ts";
import { ApiFailure, tooManyRequests } from "./status.ts";
import type { Store } from "./store.ts";

/** How a watch that starts too late is told: inside the stream under HTTP 200, or by the status of the answer. */
type ExpiredForm = "stream" | "http";

export interface FaultSwitches {
  /** How many watches are open now, of one collection or of all. */
  openWatches(plural?: string): number;
  /** Resets the connections of open watches, of one collection or of all. Returns how many. */
  cutWatches(plural?: string): number;
  /** The next watches answer that their version has expired. */
  expireWatches(form: ExpiredForm, times?: number): void;
  /** The next writes are refused with a conflict, though nobody wrote. */
  conflictWrites(times: number): void;
  /** The next requests are refused with 429. */
  throttle(times: number, retryAfterSeconds: number): void;
  /** Every list is answered that much later; 0 ends it. */
  slowLists(by: DurationMs): void;
  /** Gets and lists answer what is true now, whatever happens, until `false`. Watches go on. */
  staleReads(on: boolean): void;
  /** No token is accepted: everybody is answered 401. */
  rejectTokens(on: boolean): void;
  /** Every page token and every version to watch from has expired, as after a compaction. */
  compact(): void;
  /** Resets every connection and accepts no more, until `false`. */
  refuseConnections(on: boolean): Promise<void>;
  /** Ends all of them. */
  clear(): Promise<void>;
}

/** What the handlers ask. */
export interface Faults {
  readonly tokensRejected: boolean;
  readonly readsStale: boolean;
  watchFailure(): ExpiredForm | undefined;
  refuse(method: string): void;
  beforeList(): Promise<void>;
  view(store: Store, plural: string): Snapshot;
  watching(plural: string, response: ServerResponse): () => void;
}

interface FaultsInit {
  readonly clock: Clock;
  readonly plurals: readonly string[];
  readonly store: Store;
  readonly expirePages: () => void;
  readonly refuseConnections: (on: boolean) => Promise<void>;
}

export function createFaults(init: FaultsInit): { readonly faults: Faults; readonly switches: FaultSwitches } {
  const watches = new Map<ServerResponse, string>();
  const expiring: ExpiredForm[] = [];
  const state = { conflicts: 0, throttled: 0, retryAfter: 0, slow: milliseconds(0), tokensRejected: false };
  let stale: ReadonlyMap<string, Snapshot> | undefined;
  const { store } = init;
  const now = (plural: string): Snapshot => ({ revision: store.revision, items: store.list(plural) });
  const faults: Faults = {
    get tokensRejected() {
      return state.tokensRejected;
    },
    get readsStale() {
      return stale !== undefined;
    },
    watchFailure: () => expiring.shift(),
    refuse: (method) => {
      if (state.throttled > 0) {
        state.throttled--;
        throw tooManyRequests("too many requests, please try again later", state.retryAfter);
      }
      if (method === "GET" || state.conflicts === 0) return;
      state.conflicts--;
      throw new ApiFailure(
        409,
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
      );
    },
    beforeList: async () => (state.slow > 0 ? init.clock.sleep(state.slow) : undefined),
    view: (_store, plural) => stale?.get(plural) ?? now(plural),
    watching: (plural, response) => {
      watches.set(response, plural);
      return () => watches.delete(response);
    },
  };
  const watchesOf = (plural?: string): ServerResponse[] =>
    [...watches].flatMap(([response, of]) => (plural === undefined || of === plural ? [response] : []));
  const switches: FaultSwitches = {
    openWatches: (plural) => watchesOf(plural).length,
    cutWatches: (plural) => {
      const cut = watchesOf(plural);
      for (const response of cut) response.destroy();
      return cut.length;
    },
    expireWatches: (form, times = 1) => expiring.push(...Array.from({ length: times }, () => form)),
    conflictWrites: (times) => (state.conflicts = times),
    throttle: (times, retryAfterSeconds) => Object.assign(state, { throttled: times, retryAfter: retryAfterSeconds }),
    slowLists: (by) => (state.slow = by),
    staleReads: (on) => {
      stale = on ? new Map(init.plurals.map((plural) => [plural, now(plural)])) : undefined;
    },
    rejectTokens: (on) => (state.tokensRejected = on),
    compact: () => {
      store.compact();
      init.expirePages();
    },
    refuseConnections: init.refuseConnections,
    clear: async () => {
      expiring.length = 0;
      Object.assign(state, { conflicts: 0, throttled: 0, slow: milliseconds(0), tokensRejected: false });
      stale = undefined;
      await init.refuseConnections(false);
    },
  };
  return { faults, switches };
}
