/**
 * Keys: root keys, each a person who signs in, and client keys, each one application's part of a root key. Nobody makes a
 * key that may more than its maker, or changes one that may more than oneself (`key-rules.ts`).
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import {
  administrators,
  asOfNow,
  checkCredentials,
  requireOver,
  requireRoom,
  requireSome,
  type Caller,
} from "./key-rules.ts";
import { createKeyChanges, type KeyChanges } from "./key-changes.ts";
import type { Passwords } from "./passwords.ts";
import { parsePermissions, scoped, textOf } from "./permissions.ts";
import type { AuthKey, Records } from "./records.ts";
import type { OpenOptions, Sessions } from "./sessions.ts";
import type { AuthSettings, Credentials } from "./settings.ts";
import type { TokenPair } from "./tokens.ts";
import type { Verifier } from "./verifier.ts";

export interface NewRoot {
  readonly publicKey: string;
  readonly authMethod: string;
  readonly credentials: Credentials;
  readonly permissions: readonly string[];
  readonly nodeUrl?: string | undefined;
}

export interface NewClient {
  readonly contextId?: string | undefined;
  readonly contextIdentity?: string | undefined;
  readonly permissions: readonly string[];
  readonly nodeUrl?: string | undefined;
}

export interface Keys extends KeyChanges {
  list(kind: AuthKey["kind"]): Promise<readonly AuthKey[]>;
  hasAdministrator(): Promise<boolean>;
  createAdministrator(credentials: Credentials): Promise<AuthKey>;
  createRoot(caller: Caller, root: NewRoot): Promise<AuthKey>;
  createClient(caller: Caller, client: NewClient): Promise<TokenPair>;
  /** A key without a user, and its tokens: for `/auth/mock-token`. */
  createMock(name: string, permissions: readonly string[], options: OpenOptions): Promise<TokenPair>;
}

export interface KeysInit {
  readonly records: Records;
  readonly sessions: Sessions;
  readonly verifier: Verifier;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly random: Random;
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
  readonly settings: AuthSettings;
}

export function createKeys(init: KeysInit): Keys {
  const { records, sessions, passwords, exclusive } = init;

  const fresh = (kind: AuthKey["kind"], name: string, permissions: readonly string[]): AuthKey => {
    const id = Buffer.from(init.random.bytes(16)).toString("hex");
    return { id, family: id, kind, name, publicKey: "", authMethod: kind, permissions, createdAtMs: init.clock.now() };
  };
  const bound = (nodeUrl: string | undefined): Pick<AuthKey, "nodeUrl"> => (nodeUrl === undefined ? {} : { nodeUrl });

  /** `allow` throws where it may not be made. */
  const makeRoot = async (root: NewRoot, allow: () => void): Promise<AuthKey> => {
    const { username, password } = root.credentials;
    checkCredentials(root.credentials, init.settings);
    const hash = await passwords.hash(password);
    return exclusive(async () => {
      allow();
      if (records.user(username) !== undefined)
        throw new ShoalError("already_exists", "there is a user of that name", { field: "username" });
      await requireRoom(records);
      const { publicKey, authMethod, permissions, nodeUrl } = root;
      const key = { ...fresh("root", username, permissions), publicKey, authMethod, username, ...bound(nodeUrl) };
      await records.write([records.put.key(key), records.put.user({ username, keyId: key.id, password: hash })]);
      return key;
    });
  };

  return {
    ...createKeyChanges(init),
    list: async (kind) => (await records.keys()).filter((key) => key.kind === kind),
    hasAdministrator: async () => (await administrators(records)).length > 0,
    createAdministrator: (credentials) =>
      makeRoot(
        { publicKey: credentials.username, authMethod: "user_password", credentials, permissions: ["admin"] },
        () => undefined,
      ),

    async createRoot(caller, root) {
      const permissions = parsePermissions(root.permissions);
      requireSome(permissions, "permissions");
      // Asked before the password is hashed, which is dear, and again when the key is made.
      const allow = (): void => requireOver(asOfNow(records, caller), permissions, "permissions");
      allow();
      return makeRoot({ ...root, permissions: permissions.map(textOf) }, allow);
    },

    async createClient(caller, client) {
      const permissions = parsePermissions([...defaultPermission(client), ...client.permissions]);
      requireSome(permissions, "permissions");
      return exclusive(async () => {
        requireOver(asOfNow(records, caller), permissions, "permissions");
        await requireRoom(records);
        const rootId = caller.key.rootId ?? caller.key.id;
        const name = `Context Client - ${client.contextId ?? ""} (${client.contextIdentity ?? ""})`;
        const key = { ...fresh("client", name, permissions.map(textOf)), rootId, ...bound(client.nodeUrl) };
        return sessions.open(key, { nodeUrl: client.nodeUrl, with: [records.put.key(key)] });
      });
    },

    createMock: (name, permissions, options) =>
      exclusive(async () => {
        await requireRoom(records);
        const key = { ...fresh("root", name, parsePermissions(permissions).map(textOf)), authMethod: "mock" };
        return sessions.open(key, { ...options, with: [records.put.key(key)] });
      }),
  };
}

/** What upstream gives every client key of a context. */
function defaultPermission({ contextId, contextIdentity }: NewClient): readonly string[] {
  if (contextId === undefined || contextIdentity === undefined) return [];
  return [scoped("context", [contextId, contextIdentity])];
}
