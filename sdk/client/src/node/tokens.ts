/**
 * Tokens of a sign-in, and where they are kept. A refresh token works once, and a node takes its second use for theft and ends
 * every sign-in of the key: whoever shares tokens has to exchange them one at a time, which is what a store is for.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface NodeTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface TokenStore {
  /**
   * Runs `change` with the tokens as they are kept at that moment (undefined: signed out), alone among all who share them,
   * and keeps what it resolves with before anybody else is let in. Meanwhile `change` may `keep` something else: that is what
   * stays where it rejects, or where its process dies.
   */
  update(change: TokenChange): Promise<NodeTokens>;
}

export type TokenChange = (
  kept: NodeTokens | undefined,
  keep: (tokens: NodeTokens | undefined) => Promise<void>,
) => Promise<NodeTokens>;

/** For a client that shares its tokens with nobody. */
export function memoryTokens(initial: NodeTokens | undefined): TokenStore {
  let kept = initial;
  let turn: Promise<unknown> = Promise.resolve();
  return {
    update(change) {
      const next = turn.then(async () => (kept = await change(kept, async (tokens) => void (kept = tokens))));
      turn = next.catch(() => undefined);
      return next;
    },
  };
}

/** Reads `{data: {access_token, refresh_token}}`; throws `internal` for anything else. */
export function tokensOf(answer: unknown): NodeTokens {
  const data = (answer as { readonly data?: Readonly<Record<string, unknown>> | null } | null)?.data ?? {};
  const { access_token: accessToken, refresh_token: refreshToken } = data;
  if (typeof accessToken === "string" && typeof refreshToken === "string") return { accessToken, refreshToken };
  throw new ShoalError("internal", "the node's answer has no tokens");
}
