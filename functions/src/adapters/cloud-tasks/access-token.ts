/**
 * The function's own access token, from the metadata server that every Google runtime has. One GET; the auth library would
 * cost a cold start 100 ms of CPU for it.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { minutes, plus, seconds, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface AccessToken {
  /** Throws `unavailable` where no token can be had. */
  get(): Promise<Secret>;
  /** The service refused what we have. */
  forget(): void;
}

const PATH = "/computeMetadata/v1/instance/service-accounts/default/token";
/** The metadata server itself renews its tokens 5 minutes before they end. */
const MARGIN = minutes(4);

export function metadataAccessToken(
  clock: Pick<Clock, "now">,
  metadataUrl = "http://metadata.google.internal",
): AccessToken {
  let kept: { readonly token: Promise<Secret>; until: Timestamp } | undefined;
  const ask = async (mine: { until: Timestamp }): Promise<Secret> => {
    try {
      const response = await fetch(`${metadataUrl}${PATH}`, {
        headers: { "Metadata-Flavor": "Google" },
        signal: AbortSignal.timeout(5000),
      });
      if (!response.ok) throw new Error(`the metadata server answered ${response.status}`);
      const answer = (await response.json()) as { access_token: string; expires_in: number };
      mine.until = plus(clock.now(), seconds(answer.expires_in - MARGIN / 1000));
      return new Secret(answer.access_token);
    } catch (thrown) {
      kept = undefined;
      throw new ShoalError("unavailable", `no access token: ${messageOf(thrown)}`, { cause: thrown });
    }
  };
  return {
    get: () => {
      if (kept !== undefined && kept.until > clock.now()) return kept.token;
      // Until the answer says better, everyone waits for this one request.
      const mine = { until: plus(clock.now(), seconds(10)) };
      const token = ask(mine);
      kept = Object.assign(mine, { token });
      return token;
    },
    forget: () => {
      kept = undefined;
    },
  };
}
