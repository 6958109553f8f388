/** Keys of a node: who may sign in, and what applications were given. Routes and field names are upstream's. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { pathOf } from "../request.ts";
import { tokensOf, type NodeTokens } from "./tokens.ts";
import type { AskJson } from "./wire.ts";

/** Times are Unix seconds. */
interface CommonKey {
  readonly name: string;
  readonly permissions: readonly string[];
  readonly created_at: number;
  readonly revoked_at: number | null;
  readonly is_valid: boolean;
}

/** A person who signs in. */
export interface RootKey extends CommonKey {
  readonly key_id: string;
  readonly auth_method: string;
}

/** What an application was given. */
export interface ClientKey extends CommonKey {
  readonly client_id: string;
  readonly root_key_id: string;
}

export interface NodeKeys {
  roots(signal?: AbortSignal): Promise<readonly RootKey[]>;
  clients(signal?: AbortSignal): Promise<readonly ClientKey[]>;
  /** Throws `already_exists` for a user name that is taken. */
  createRoot(
    key: { readonly username: string; readonly password: string; readonly permissions: readonly string[] },
    signal?: AbortSignal,
  ): Promise<RootKey>;
  /** Tokens of a new key; they are told once. With context and identity it may act as that identity there. */
  createClient(
    key: {
      readonly contextId?: string | undefined;
      readonly contextIdentity?: string | undefined;
      readonly permissions: readonly string[];
    },
    signal?: AbortSignal,
  ): Promise<NodeTokens>;
  deleteRoot(keyId: string, signal?: AbortSignal): Promise<void>;
  deleteClient(rootId: string, clientId: string, signal?: AbortSignal): Promise<void>;
  permissions(keyId: string, signal?: AbortSignal): Promise<readonly string[]>;
  changePermissions(
    keyId: string,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
    signal?: AbortSignal,
  ): Promise<readonly string[]>;
  /** Ends every sign-in of a key; the key itself stays. */
  revokeTokens(keyId: string, signal?: AbortSignal): Promise<void>;
}

interface Permissions {
  readonly permissions: readonly string[];
}

export function createKeys(ask: AskJson): NodeKeys {
  const data = async <T>(...asked: Parameters<AskJson>): Promise<T> => {
    const answer = (await ask(...asked)) as { readonly data?: T } | null;
    if (answer?.data === undefined || answer.data === null)
      throw new ShoalError("internal", "the node's answer has no data");
    return answer.data;
  };
  const permissionsOf = (id: string): string => pathOf("/admin/keys/{id}/permissions", { id });
  return {
    roots: (signal) => data("GET", "/admin/keys", undefined, signal),
    clients: (signal) => data("GET", "/admin/keys/clients", undefined, signal),
    createRoot: ({ username, password, permissions }, signal) => {
      const provider = { auth_method: "user_password", provider_data: { username, password } };
      return data("POST", "/admin/keys", { public_key: username, ...provider, permissions }, signal);
    },
    createClient: async ({ contextId, contextIdentity, permissions }, signal) => {
      const body = { context_id: contextId, context_identity: contextIdentity, permissions };
      return tokensOf(await ask("POST", "/admin/client-key", body, signal));
    },
    deleteRoot: async (id, signal) => {
      await ask("DELETE", pathOf("/admin/keys/{id}", { id }), undefined, signal);
    },
    deleteClient: async (root, client, signal) => {
      await ask("DELETE", pathOf("/admin/keys/{root}/clients/{client}", { root, client }), undefined, signal);
    },
    permissions: async (id, signal) =>
      (await data<Permissions>("GET", permissionsOf(id), undefined, signal)).permissions,
    changePermissions: async (id, change, signal) =>
      (await data<Permissions>("PUT", permissionsOf(id), change, signal)).permissions,
    revokeTokens: async (id, signal) => {
      await ask("POST", "/admin/revoke", { client_id: id }, signal);
    },
  };
}
