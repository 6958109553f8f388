/**
 * Peers that were lost, or that somebody told of, are dialled until they are there: growing pauses with jitter, so that two
 * who lost each other do not dial at the same moment for ever. Boot nodes are never given up; others as long as the cache would
 * keep them.
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PeerId } from "../contract.ts";
import { TIMES } from "./settings.ts";

export interface RedialParts {
  /** Rejects where it does not come about. */
  readonly dial: (peer: PeerId, addresses: readonly string[]) => Promise<unknown>;
  /** Connected, blocked, or otherwise not to be dialled. */
  readonly isSettled: (peer: PeerId) => boolean;
  /** Not to be dialled now; it may be later. */
  readonly isRefused: (peer: PeerId) => boolean;
  readonly isForever: (peer: PeerId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Redial {
  /** Starts dialling a peer, or gives one that is dialled already more addresses. `attempts`: how often, if not for a day. */
  seek(
    peer: PeerId,
    addresses: readonly string[],
    options?: { readonly attempts?: number; readonly atOnce?: boolean },
  ): void;
  /** A peer that was not wanted is wanted again: what was tried before says nothing about it. */
  again(peer: PeerId, addresses: readonly string[]): void;
  close(): void;
}

const BACKOFF: Backoff = { base: TIMES.redialFirst, factor: 2, cap: TIMES.redialLast };
/** Peers that are sought at a time, and dials at a time. */
const [SOUGHT, AT_ONCE] = [256, 16];
/** A connection that lasted less was none: the pauses go on growing, or two who do not get on would dial all day. */
const LASTING = minutes(1);

const backoffMost = (times: number): number => Math.min(BACKOFF.cap, BACKOFF.base * BACKOFF.factor ** times);

export function createRedial(parts: RedialParts): Redial {
  const { clock, random } = parts;
  const sought = new Map<PeerId, Set<string>>();
  /** Attempts that led to nothing lasting. */
  const tried = new Map<PeerId, { readonly times: number; readonly at: number }>();
  const stop = new AbortController();
  const dialling = new Set<PeerId>();

  const timesOf = (peer: PeerId): number => {
    const { times, at } = tried.get(peer) ?? { times: 0, at: 0 };
    return clock.monotonic() - at < LASTING + 2 * backoffMost(times) ? times : 0;
  };
  const note = (peer: PeerId): void => {
    const times = timesOf(peer) + 1;
    tried.delete(peer);
    tried.set(peer, { times, at: clock.monotonic() });
    const [oldest] = tried.keys();
    if (tried.size > 4 * SOUGHT && oldest !== undefined) tried.delete(oldest);
  };

  const seek = async (peer: PeerId, addresses: Set<string>, attempts: number, atOnce: boolean): Promise<void> => {
    const until = clock.monotonic() + TIMES.cache;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const before = timesOf(peer);
      const isFirst = atOnce && before === 0;
      await clock.sleep(
        isFirst ? milliseconds(random.next() * 50) : backoffDelay(BACKOFF, before + 1, random),
        stop.signal,
      );
      while (dialling.size >= AT_ONCE) await clock.sleep(milliseconds(50 + random.next() * 100), stop.signal);
      if (parts.isSettled(peer) || (clock.monotonic() > until && !parts.isForever(peer))) return;
      if (parts.isRefused(peer)) continue;
      dialling.add(peer);
      note(peer);
      try {
        await parts.dial(peer, [...addresses]);
        return;
      } catch {
        // The next attempt is the answer.
      } finally {
        dialling.delete(peer);
      }
    }
  };

  const begin: Redial["seek"] = (peer, addresses, { attempts = Number.POSITIVE_INFINITY, atOnce = false } = {}) => {
    if (stop.signal.aborted) return;
    const known = sought.get(peer);
    for (const address of addresses) known?.add(address);
    if (known !== undefined || parts.isSettled(peer)) return;
    if (sought.size >= SOUGHT && !parts.isForever(peer)) return;
    const own = new Set(addresses);
    sought.set(peer, own);
    seek(peer, own, attempts, atOnce)
      .catch(() => undefined)
      .finally(() => {
        if (sought.get(peer) === own) sought.delete(peer);
      });
  };

  return {
    seek: begin,
    again(peer, addresses) {
      tried.delete(peer);
      sought.delete(peer);
      begin(peer, addresses, { atOnce: true });
    },
    close: () => stop.abort(),
  };
}
