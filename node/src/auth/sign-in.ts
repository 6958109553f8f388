/** From credentials, or from a refresh token, to tokens. */
import type { Secret } from "@shoal/shared/base/secret.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { AuthRefusal } from "./failure.ts";
import type { LoginLimit } from "./login-limit.ts";
import { checkNode, nodeUrlOf } from "./node-host.ts";
import type { Passwords } from "./passwords.ts";
import { anyCovers, parsePermissions, textOf } from "./permissions.ts";
import type { Records } from "./records.ts";
import type { Sessions } from "./sessions.ts";
import type { AuthSettings } from "./settings.ts";
import type { TokenPair, Tokens } from "./tokens.ts";
import { isValid, permissionsOf } from "./verifier.ts";

export interface Login {
  readonly username: string;
  readonly password: Secret;
  /** A URL here binds the tokens to that node. */
  readonly clientName: string;
  /** Nothing, or none: all that the key has. */
  readonly permissions: readonly string[] | undefined;
  readonly address: string;
}

export interface SignIn {
  /** Throws `unauthenticated`, `permission_denied`, `rate_limited`, or `unavailable` where too many wait. */
  login(login: Login): Promise<TokenPair>;
  /** Throws an `AuthRefusal`. The access token must have expired, and both must be of one key. */
  refresh(pair: TokenPair, request: Request): Promise<TokenPair>;
}

export function createSignIn(init: {
  readonly records: Records;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly limit: LoginLimit;
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
  readonly settings: AuthSettings;
}): SignIn {
  const { records, sessions, tokens, passwords, limit, exclusive, settings } = init;
  return {
    async login({ username, password, clientName, permissions, address }) {
      const asked = parsePermissions(permissions ?? []);
      const succeeded = limit.take(address);
      const user = records.user(username);
      const matches = await passwords.matches(password, user?.password).catch((thrown: unknown) => {
        // Too many wait: that says nothing about the password.
        succeeded();
        throw thrown;
      });
      return exclusive(async () => {
        // Looked up again: the user may have gone while the password was checked.
        const now = records.user(username);
        const key = now === undefined ? undefined : records.key(now.keyId);
        if (!matches || now?.password !== user?.password || key === undefined || !isValid(records, key))
          throw new ShoalError("unauthenticated", "unknown user or wrong password");
        succeeded();
        const allowed = permissionsOf(records, key);
        const beyond = asked.find((permission) => !anyCovers(allowed, permission));
        if (beyond !== undefined)
          throw new AuthRefusal("permission_denied", `this user may not ask for ${textOf(beyond)}`, {
            field: "permissions",
          });
        return sessions.open(key, {
          permissions: asked.length === 0 ? undefined : asked.map(textOf),
          nodeUrl: key.nodeUrl ?? nodeUrlOf(clientName),
        });
      });
    },

    async refresh({ accessToken, refreshToken }, request) {
      const refresh = await tokens.read(refreshToken, "refresh");
      return exclusive(async () => {
        // First of all: whatever comes along with it, a spent refresh token says that two hold it.
        await sessions.refuseReuse(refresh);
        const access = await tokens.read(accessToken, "access", { mayBeExpired: true });
        if (access.keyId !== refresh.keyId) throw new AuthRefusal("invalid_token", "the two tokens are not of one key");
        if (!access.expired) throw new AuthRefusal("invalid_token", "the access token has not expired yet");
        checkNode(refresh.nodeUrl, request, settings.nodeHost);
        return sessions.renew(refresh);
      });
    },
  };
}
