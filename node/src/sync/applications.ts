/**
 * The applications that this node's contexts run, or are to run, come here by themselves: what a context names and what its
 * group has set as its target. A fetch that found nobody is tried again, ever later, and at once when a member appears.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ApplicationId, ContextId } from "../model/ids.ts";

/** A version of an application, as a group names it. */
export interface Wanted {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  readonly version: string;
  /** 64 hex digits: its blob. */
  readonly appKey: string;
}

export interface KeepingParts {
  readonly wanted: () => readonly Wanted[];
  readonly isHere: (wanted: Wanted) => Promise<boolean>;
  /** Rejects where nobody has it. */
  readonly bring: (wanted: Wanted) => Promise<unknown>;
  /** Told of each that has come. */
  readonly came: (wanted: Wanted) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Keeping {
  /** Something changed: look again at once. */
  readonly look: () => void;
  readonly close: () => void;
}

const FIRST_MS = 500;
const LAST_MS = 60_000;

export function keepApplications({ wanted, isHere, bring, came, clock, log }: KeepingParts): Keeping {
  const stop = new AbortController();
  let wake = (): void => undefined;
  let wait = FIRST_MS;

  const pass = async (): Promise<boolean> => {
    let missing = false;
    for (const one of wanted()) {
      if (stop.signal.aborted || (await isHere(one))) continue;
      try {
        await bring(one);
        log.info({ application: one.applicationId, version: one.version }, "application came from a member");
        came(one);
      } catch (err) {
        missing = true;
        log.debug({ application: one.applicationId, why: messageOf(err) }, "application not found among members yet");
      }
    }
    return missing;
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const missing = await pass().catch((err: unknown) => {
        log.warn({ err }, "applications were not looked for");
        return true;
      });
      if (!missing) {
        wait = FIRST_MS;
        await woken;
        continue;
      }
      const over = new AbortController();
      await Promise.race([clock.sleep(milliseconds(wait), over.signal).catch(() => undefined), woken]);
      over.abort();
      wait = Math.min(wait * 2, LAST_MS);
    }
  };
  void run();
  return {
    look() {
      wait = FIRST_MS;
      wake();
    },
    close() {
      stop.abort();
      wake();
    },
  };
}
