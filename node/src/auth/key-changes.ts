/** Changes of keys that exist: what they may, and that they end. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Row } from "../storage/store.ts";
import { asOfNow, isAdministrator, refuseLast, requireOver, requireSome, type Caller } from "./key-rules.ts";
import { keptPermissions, parsePermissions, textOf } from "./permissions.ts";
import type { AuthKey, Records } from "./records.ts";
import type { Sessions } from "./sessions.ts";
import { isValid, type Verifier } from "./verifier.ts";

export interface KeyChanges {
  /** Throws `not_found`. */
  get(id: string, kind?: AuthKey["kind"]): AuthKey;
  /** For good: the key, its user's name and every sign-in. */
  revoke(caller: Caller, id: string): Promise<AuthKey>;
  /** Ends every sign-in of a root key; a client key, which cannot sign in again, is revoked. */
  revokeTokens(caller: Caller, id: string): Promise<void>;
  /** Removes, then adds. */
  change(caller: Caller, id: string, add: readonly string[], remove: readonly string[]): Promise<AuthKey>;
}

export function createKeyChanges(init: {
  readonly records: Records;
  readonly sessions: Sessions;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}): KeyChanges {
  const { records, sessions, verifier, clock, exclusive } = init;

  const get: KeyChanges["get"] = (id, kind) => {
    const key = /^[0-9a-f]{32}$/.test(id) ? records.key(id) : undefined;
    if (key === undefined || (kind !== undefined && key.kind !== kind))
      throw new ShoalError("not_found", `there is no such ${kind === undefined ? "" : `${kind} `}key`);
    return key;
  };
  const mine = (caller: Caller, id: string): AuthKey => {
    const key = get(id);
    requireOver(asOfNow(records, caller), keptPermissions(key.permissions));
    return key;
  };
  const write = async (rows: readonly Row[]): Promise<void> => {
    await records.write(rows);
    verifier.forget();
  };
  const revokeNow = async (key: AuthKey): Promise<AuthKey> => {
    const revoked = { ...key, revokedAtMs: key.revokedAtMs ?? clock.now() };
    const user = key.username === undefined || key.revokedAtMs !== undefined ? [] : [records.drop.user(key.username)];
    await write([records.put.key(revoked), ...user, ...(await sessions.end(key))]);
    return revoked;
  };

  return {
    get,

    revoke: (caller, id) =>
      exclusive(async () => {
        const key = mine(caller, id);
        if (isValid(records, key)) await refuseLast(records, key);
        return revokeNow(key);
      }),

    revokeTokens: (caller, id) =>
      exclusive(async () => {
        const key = mine(caller, id);
        if (key.kind === "client") await revokeNow(key);
        else await write(await sessions.end(key));
      }),

    async change(caller, id, add, remove) {
      const added = parsePermissions(add, "add");
      const removed = parsePermissions(remove, "remove").map(textOf);
      return exclusive(async () => {
        const key = mine(caller, id);
        if (!isValid(records, key)) throw new ShoalError("not_found", "the key is revoked");
        requireOver(asOfNow(records, caller), added, "add");
        const kept = key.permissions.filter((text) => !removed.includes(text));
        const permissions = parsePermissions([...kept, ...added.map(textOf)], "add");
        requireSome(permissions, "remove");
        const changed = { ...key, permissions: permissions.map(textOf) };
        if (!isAdministrator(changed)) await refuseLast(records, key);
        await write([records.put.key(changed)]);
        return changed;
      });
    },
  };
}
