/**
 * The latest events of each organisation that somebody follows, read once for all of its followers and kept in a bounded
 * window. A follower that is further behind than the window reads the database by itself until it has caught up: a slow
 * reader costs no memory and loses nothing.
 */
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Database } from "../../store/database.ts";
import { eventHead, readEvents, type EventCursor, type EventFilter, type EventPage } from "../../store/events/read.ts";
import type { Pulse } from "./pulse.ts";
import { EventWindow } from "./window.ts";

export interface Follower {
  /** What came after the cursor, a page at most. */
  readonly read: (after: EventCursor) => Promise<EventPage>;
  /** Resolves once there may be something after the cursor, or after `atMostMs`, or when `signal` is aborted. */
  readonly wait: (after: EventCursor, atMostMs: number, signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
}

export interface Feed {
  readonly follow: (organisationId: string, filter: EventFilter) => Promise<Follower>;
}

interface Entry {
  readonly window: EventWindow;
  readonly unwatch: () => void;
}

const READ_AT_ONCE = 200;
const EVERYTHING: EventFilter = { resource: undefined, kind: undefined };

export function createFeed(init: {
  readonly database: Pick<Database, "asTenant">;
  readonly pulse: Pulse;
  readonly clock: Pick<Clock, "sleep">;
  readonly windowEvents: number;
}): Feed {
  const { database, pulse } = init;
  const entries = new Map<string, Entry>();

  const readPage = (organisationId: string, filter: EventFilter, after: EventCursor): Promise<EventPage> =>
    database.asTenant(organisationId, (tx) => readEvents(tx, organisationId, filter, after, READ_AT_ONCE));

  const enter = (organisationId: string, head: EventCursor): Entry => {
    const window = new EventWindow(head, init.windowEvents, (after) => readPage(organisationId, EVERYTHING, after));
    const entry = { window, unwatch: pulse.watch(organisationId, window.refresh) };
    entries.set(organisationId, entry);
    return entry;
  };

  return {
    follow: async (organisationId, filter) => {
      const known = entries.get(organisationId);
      const head = known === undefined ? await database.asTenant(organisationId, eventHead) : undefined;
      const entry = entries.get(organisationId) ?? enter(organisationId, head ?? { seq: 0n, id: 0n });
      const { window } = entry;
      window.followers += 1;
      let isOpen = true;
      return {
        read: async (after) => window.after(after, filter) ?? (await readPage(organisationId, filter, after)),
        wait: (after, atMostMs, signal) => waitOn(window, after, atMostMs, signal, init.clock),
        close: () => {
          if (!isOpen) return;
          isOpen = false;
          window.followers -= 1;
          if (window.followers > 0) return;
          entry.unwatch();
          entries.delete(organisationId);
        },
      };
    },
  };
}

async function waitOn(
  window: EventWindow,
  after: EventCursor,
  atMostMs: number,
  signal: AbortSignal,
  clock: Pick<Clock, "sleep">,
): Promise<void> {
  if (window.isBeyond(after) || signal.aborted) return;
  const nap = new AbortController();
  const wake = (): void => nap.abort();
  const stop = window.onEvents(wake);
  signal.addEventListener("abort", wake, { once: true });
  await clock.sleep(milliseconds(atMostMs), nap.signal).catch(() => undefined);
  signal.removeEventListener("abort", wake);
  stop();
}
