/**
 * How this node stands to each peer: what it did wrong, whether it is cut off for that, and whether somebody blocked it. Both
 * refusals end what is connected and let nothing in; only a block outlives the process.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Store } from "../../storage/store.ts";
import type { PeerId } from "../contract.ts";
import { createScores, type Offence } from "../scores.ts";
import { loadBlocked, saveBlocked } from "./rows.ts";

export interface StandingParts {
  readonly self: PeerId;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly onOffence: (kind: Offence) => void;
  /** Ends every connection with a peer. */
  readonly hangUp: (peer: PeerId) => void;
}

export interface Standing {
  offend(peer: PeerId, offence: Offence, detail: string): void;
  scoreOf(peer: PeerId): number;
  isRefused(peer: PeerId): boolean;
  block(peer: PeerId): Promise<void>;
  unblock(peer: PeerId): Promise<void>;
  readonly blocked: readonly PeerId[];
}

export async function createStanding({ self, store, clock, log, onOffence, hangUp }: StandingParts): Promise<Standing> {
  const scores = createScores();
  const blocked = new Set(await loadBlocked(store));
  return {
    offend(peer, offence, detail) {
      onOffence(offence);
      const { score, isFirst, cutFor } = scores.note(peer, offence, clock.monotonic());
      if (isFirst) log.warn({ peer, offence, detail, score }, "a peer did what it must not");
      if (cutFor === undefined) return;
      log.warn({ peer, cut_for_ms: cutFor }, "a peer is cut off for what it did");
      hangUp(peer);
    },
    scoreOf: (peer) => scores.of(peer, clock.monotonic()),
    isRefused: (peer) => blocked.has(peer) || scores.isCut(peer, clock.monotonic()),
    async block(peer) {
      if (!/^[1-9A-HJ-NP-Za-km-z]{20,64}$/.test(peer))
        throw new ShoalError("invalid_argument", "expected a peer's id", { field: "peer" });
      if (peer === self) throw new ShoalError("invalid_argument", "a node cannot block itself", { field: "peer" });
      // Refused from now on, whether the row is written or not.
      blocked.add(peer);
      hangUp(peer);
      await saveBlocked(store, peer, true);
    },
    async unblock(peer) {
      await saveBlocked(store, peer, false);
      blocked.delete(peer);
      scores.forget(peer);
    },
    get blocked() {
      return [...blocked].sort();
    },
  };
}
