/** Who wants to hear what happens to contexts; a listener must not throw and must not wait. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { ContextId } from "../model/ids.ts";
import type { CommittedDelta, Divergence } from "./replica.ts";

export interface ContextTurnover {
  readonly contextId: ContextId;
  readonly type: "joined" | "created" | "deleted";
}

interface Heard {
  readonly committed: CommittedDelta;
  readonly ephemeral: { readonly contextId: ContextId; readonly state: Uint8Array };
  readonly context: ContextTurnover;
  readonly divergence: Divergence;
  /** Deltas that waited were dropped for want of room: peers have to be asked for them again. */
  readonly resync: ContextId;
  /** A version of an application is needed that may not be here. */
  readonly awaited: ContextId;
}

export interface Watchers {
  tell<K extends keyof Heard>(what: K, of: Heard[K]): void;
  /** Returns how to stop. */
  on<K extends keyof Heard>(what: K, listener: (of: Heard[K]) => void): () => void;
}

export function createWatchers(log: Log): Watchers {
  const listeners = new Map<string, Set<(of: never) => void>>();
  return {
    tell(what, of) {
      for (const listener of listeners.get(what) ?? []) {
        try {
          (listener as (heard: typeof of) => void)(of);
        } catch (err) {
          log.error({ err, what }, "a listener failed");
        }
      }
    },
    on(what, listener) {
      let all = listeners.get(what);
      if (all === undefined) listeners.set(what, (all = new Set()));
      all.add(listener);
      return () => void all.delete(listener);
    },
  };
}
