/** Signing in to a node, and staying signed in: an expired access token is exchanged once, whoever notices it. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Fetch } from "../types.ts";
import { NodeAuthError, request } from "./wire.ts";

export interface NodeTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface NodeSession {
  token(): string | undefined;
  /** Runs `work`, and once more with fresh tokens where the node says that they expired. */
  signedIn<T>(work: (token: string | undefined) => Promise<T>): Promise<T>;
  login(username: string, password: string, clientName: string): Promise<NodeTokens>;
}

export interface SessionOptions {
  readonly fetch: Fetch;
  readonly base: string;
  readonly tokens: NodeTokens | undefined;
  /** Told whenever the tokens change, so that they can be kept. */
  readonly onTokens: ((tokens: NodeTokens) => void | Promise<void>) | undefined;
  readonly now: () => number;
}

export function createSession(options: SessionOptions): NodeSession {
  let tokens = options.tokens;
  let refreshing: Promise<void> | undefined;

  const take = async (response: Response): Promise<NodeTokens> => {
    tokens = tokensOf(await response.json());
    await options.onTokens?.(tokens);
    return tokens;
  };
  const refresh = async ({ accessToken, refreshToken }: NodeTokens): Promise<void> => {
    const body = JSON.stringify({ access_token: accessToken, refresh_token: refreshToken });
    await take(await post(options, "/auth/refresh", body));
  };

  return {
    token: () => tokens?.accessToken,
    async signedIn(work) {
      const used = tokens;
      try {
        return await work(used?.accessToken);
      } catch (thrown) {
        if (used === undefined || !(thrown instanceof NodeAuthError) || thrown.authError !== "token_expired")
          throw thrown;
        // A refresh token works once: whoever comes second waits for the first one's.
        if (tokens === used) {
          refreshing ??= refresh(used).finally(() => void (refreshing = undefined));
          await refreshing;
        }
        return work(tokens?.accessToken);
      }
    },
    async login(username, password, clientName) {
      const body = JSON.stringify({
        auth_method: "user_password",
        public_key: username,
        client_name: clientName,
        timestamp: Math.floor(options.now() / 1000),
        permissions: [],
        provider_data: { username, password },
      });
      return take(await post(options, "/auth/token", body));
    },
  };
}

const post = ({ fetch, base }: SessionOptions, target: string, body: string): Promise<Response> =>
  request(fetch, base, { method: "POST", target, body, contentType: "application/json" });

function tokensOf(answer: unknown): NodeTokens {
  const data = (answer as { readonly data?: Readonly<Record<string, unknown>> } | null)?.data ?? {};
  const { access_token: accessToken, refresh_token: refreshToken } = data;
  if (typeof accessToken === "string" && typeof refreshToken === "string") return { accessToken, refreshToken };
  throw new ShoalError("internal", "the node's answer has no tokens");
}
