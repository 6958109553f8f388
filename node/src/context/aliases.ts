/** Names for contexts, applications and identities, on this node only. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { AliasKind, Aliases } from "../clients/node-client.ts";
import { bytesOf, type ContextId } from "../model/ids.ts";
import { keyOf, prefixRange } from "../storage/keys.ts";
import type { Row, Store } from "../storage/store.ts";

/** UTF-8 bytes of a name. */
export const MAX_ALIAS = 50;
const KINDS: Readonly<Record<AliasKind, number>> = { context: 0, application: 1, identity: 2 };

export interface AliasStore extends Aliases {
  /** The row of a new alias, for somebody else's batch; throws like `create`. */
  claim(kind: AliasKind, name: string, value: string, scope?: ContextId): Row;
}

export function createAliases(store: Store): AliasStore {
  const claim: AliasStore["claim"] = (kind, name, value, scope) => {
    const key = aliasKey(kind, name, scope);
    if (store.get("alias", key) !== undefined) {
      throw new ShoalError("already_exists", `the alias ${name} is taken`, { field: "alias" });
    }
    return { column: "alias", key, value: new TextEncoder().encode(value) };
  };
  return {
    claim,
    async create(kind, name, value, scope) {
      await store.apply([claim(kind, name, value, scope)]);
      await store.durable();
    },
    async lookup(kind, name, scope) {
      const value = store.get("alias", aliasKey(kind, name, scope));
      return value === undefined ? undefined : new TextDecoder().decode(value);
    },
    async delete(kind, name, scope) {
      const key = aliasKey(kind, name, scope);
      if (store.get("alias", key) === undefined) return false;
      await store.apply([{ column: "alias", key, value: undefined }]);
      await store.durable();
      return true;
    },
    async list(kind, scope) {
      const prefix = prefixOf(kind, scope);
      const found: [string, string][] = [];
      for await (const [key, value] of store.scan("alias", prefixRange(prefix))) {
        found.push([new TextDecoder().decode(key.subarray(prefix.length)), new TextDecoder().decode(value)]);
      }
      return Object.fromEntries(found);
    },
  };
}

function prefixOf(kind: AliasKind, scope: ContextId | undefined): Uint8Array {
  if ((kind === "identity") !== (scope !== undefined)) {
    throw new ShoalError("internal", "identity aliases have a context, and only they");
  }
  return keyOf(Uint8Array.of(KINDS[kind]), scope === undefined ? new Uint8Array() : bytesOf(scope));
}

function aliasKey(kind: AliasKind, name: string, scope: ContextId | undefined): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length > MAX_ALIAS) {
    throw new ShoalError("invalid_argument", `an alias has 1 to ${MAX_ALIAS} bytes`, { field: "alias" });
  }
  return keyOf(prefixOf(kind, scope), bytes);
}
