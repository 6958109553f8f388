/**
 * The snapshots behind page tokens. Stored objects never change, so a snapshot is a list of what was there. A token lives
 * for five minutes and only the latest are kept; later ones have expired (410), as after a compaction.
 */
import { randomBytes } from "node:crypto";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { badRequest, expired } from "../status.ts";
import type { Stored } from "../store.ts";

export interface Snapshot {
  readonly revision: number;
  readonly items: readonly Stored[];
}

export interface Pages {
  /** A token for the rest of the snapshot from item `from` on. */
  keep(snapshot: Snapshot, from: number, kept?: string): string;
  open(token: string): { readonly id: string; readonly snapshot: Snapshot; readonly from: number };
  /** Every token given so far has expired. */
  expire(): void;
}

const LIFETIME = minutes(5);
const MOST = 64;

export function createPages(clock: Pick<Clock, "monotonic">): Pages {
  const kept = new Map<string, { readonly snapshot: Snapshot; readonly until: number }>();
  const sweep = (): void => {
    for (const [id, { until }] of kept) if (until < clock.monotonic() || kept.size > MOST) kept.delete(id);
  };
  return {
    keep: (snapshot, from, known) => {
      const id = known ?? randomBytes(9).toString("base64url");
      if (known === undefined) kept.set(id, { snapshot, until: clock.monotonic() + LIFETIME });
      sweep();
      return Buffer.from(JSON.stringify({ id, from })).toString("base64url");
    },
    open: (token) => {
      sweep();
      const { id, from } = decoded(token);
      const found = kept.get(id);
      if (found === undefined) {
        throw expired(
          "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
        );
      }
      return { id, snapshot: found.snapshot, from };
    },
    expire: () => kept.clear(),
  };
}

function decoded(token: string): { readonly id: string; readonly from: number } {
  try {
    const { id, from } = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as {
      id?: unknown;
      from?: unknown;
    };
    if (typeof id === "string" && Number.isSafeInteger(from)) return { id, from: from as number };
  } catch {
    // Said below: it is no token of ours.
  }
  throw badRequest("continue key is not valid");
}
