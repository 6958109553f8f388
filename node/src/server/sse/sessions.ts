/**
 * Sessions of event streams: what a stream is subscribed to outlives its connection, and a restart, for a day. Kept in the
 * store's `generic` column from the first subscription on. They are not waited for on disk: what a power cut takes is
 * subscribed to again.
 */
import { z } from "zod";
import type { Random } from "@shoal/shared/base/random.ts";
import { plus, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { contextIdSchema, groupIdSchema } from "@shoal/shared/wire/node/ids.ts";
import type { Store } from "../../storage/store.ts";
import { noSubscriptions, type Subscriptions } from "../events/topics.ts";

export interface Session extends Subscriptions {
  /** 64 random bits in decimal. */
  readonly id: string;
  /** Id of the key that opened it; null without a guard. Nobody else finds it. */
  readonly owner: string | null;
  /** Number of the next event. */
  counter: number;
}

export interface Sessions {
  create(owner: string | null): Session;
  /** undefined where there is none of that id and owner, or it has expired. */
  load(id: string, owner: string | null): Session | undefined;
  save(session: Session): Promise<void>;
  /** Removes what has expired. */
  sweep(): Promise<void>;
}

const Stored = z.object({
  owner: z.string().nullable(),
  contexts: z.array(contextIdSchema),
  groups: z.array(groupIdSchema),
  counter: z.int(),
  expiresAt: z.int(),
});

const PREFIX = "sse-session:";
/** The character after the prefix's last. */
const PREFIX_END = "sse-session;";

/** Reads which sessions there are; of more than `most` the ones that were used last are kept. */
export async function openSessions(init: {
  readonly store: Pick<Store, "get" | "scan" | "apply">;
  readonly clock: Pick<Clock, "now">;
  readonly random: Random;
  readonly life: DurationMs;
  readonly most: number;
}): Promise<Sessions> {
  const { store, clock, random, life, most } = init;
  /** When each ends, soonest first: a session that is saved goes to the end. */
  const kept = new Map(await readEnds(store));
  const forget = async (id: string): Promise<void> => {
    kept.delete(id);
    await store.apply([{ column: "generic", key: keyOf(id), value: undefined }]);
  };
  return {
    create: (owner) => {
      const id = new DataView(random.bytes(8).slice().buffer).getBigUint64(0).toString();
      return { id, owner, counter: 1, ...noSubscriptions() };
    },
    load: (id, owner) => {
      const row = store.get("generic", keyOf(id));
      const stored = row === undefined ? undefined : decode(row);
      if (stored === undefined || clock.now() >= stored.expiresAt || stored.owner !== owner) return undefined;
      const { counter, contexts, groups } = stored;
      return { id, owner, counter, contexts: new Set(contexts), groups: new Set(groups) };
    },
    save: async ({ id, owner, counter, contexts, groups }) => {
      const expiresAt = plus(clock.now(), life);
      const stored = { owner, contexts: [...contexts], groups: [...groups], counter, expiresAt };
      kept.delete(id);
      kept.set(id, expiresAt);
      await store.apply([{ column: "generic", key: keyOf(id), value: Buffer.from(JSON.stringify(stored)) }]);
      const [oldest] = kept.keys();
      if (kept.size > most && oldest !== undefined) await forget(oldest);
    },
    sweep: async () => {
      const now = clock.now();
      for (const [id, expiresAt] of kept) {
        if (expiresAt > now) return;
        await forget(id);
      }
    },
  };
}

/** Ids of all sessions with the moments at which they end, soonest first; a row that cannot be read has ended. */
async function readEnds(store: Pick<Store, "scan">): Promise<readonly (readonly [string, number])[]> {
  const ends: (readonly [string, number])[] = [];
  const range = { gte: Buffer.from(PREFIX), lt: Buffer.from(PREFIX_END) };
  for await (const [key, row] of store.scan("generic", range)) {
    ends.push([new TextDecoder().decode(key).slice(PREFIX.length), decode(row)?.expiresAt ?? 0]);
  }
  return ends.sort(([, a], [, b]) => a - b);
}

const keyOf = (id: string): Uint8Array => Buffer.from(PREFIX + id);

function decode(row: Uint8Array): z.output<typeof Stored> | undefined {
  try {
    return Stored.parse(JSON.parse(new TextDecoder().decode(row)));
  } catch {
    return undefined;
  }
}
