/** Signing in where there is no browser: the device authorization grant, https://www.rfc-editor.org/rfc/rfc8628 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

const discoverySchema = z.looseObject({ device_authorization_endpoint: z.url(), token_endpoint: z.url() });
const deviceSchema = z.looseObject({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string().optional(),
  expires_in: z.number(),
  interval: z.number().min(1).default(5),
});
const grantSchema = z.looseObject({ id_token: z.string() });
const refusalSchema = z.looseObject({ error: z.string(), error_description: z.string().optional() });

export interface DeviceSignIn {
  readonly issuer: string;
  readonly clientId: string;
  /** Shows the person where to go and which code to compare. */
  readonly show: (address: string, code: string) => void;
  readonly signal: AbortSignal;
}

/** The id token; throws `unauthenticated` for a no, `deadline_exceeded` where nobody answered. */
export async function signInByDevice({ issuer, clientId, show, signal }: DeviceSignIn): Promise<string> {
  const discovery = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const provider = parsed(discoverySchema, await ask(discovery, undefined, signal), issuer);
  const asked = { client_id: clientId, scope: "openid email profile" };
  const device = parsed(deviceSchema, await ask(provider.device_authorization_endpoint, asked, signal), issuer);
  show(device.verification_uri_complete ?? device.verification_uri, device.user_code);
  const grant = {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: device.device_code,
    client_id: clientId,
  };
  let [interval, left] = [device.interval, device.expires_in];
  while (left > 0) {
    await sleep(interval * 1000, undefined, { signal }).catch(() => {
      throw new ShoalError("cancelled", "signing in was interrupted");
    });
    left -= interval;
    const answer = await ask(provider.token_endpoint, grant, signal);
    const refusal = refusalSchema.safeParse(answer.body);
    if (answer.ok) return parsed(grantSchema, answer, issuer).id_token;
    const error = refusal.success ? refusal.data.error : "unknown";
    if (error === "slow_down") interval += 5;
    else if (error === "expired_token") break;
    else if (error !== "authorization_pending") throw refused(answer, issuer);
  }
  throw new ShoalError("deadline_exceeded", "nobody confirmed the code in time");
}

interface Answered {
  readonly ok: boolean;
  readonly body: unknown;
}

async function ask(url: string, form: Record<string, string> | undefined, signal: AbortSignal): Promise<Answered> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(30_000)]);
    const post = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
    const response = await fetch(url, { ...post, signal: limit });
    return { ok: response.ok, body: await response.json() };
  } catch (thrown) {
    if (signal.aborted) throw new ShoalError("cancelled", "signing in was interrupted");
    throw new ShoalError("unavailable", `the identity provider does not answer at ${url}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, answer: Answered, issuer: string): z.output<Schema> {
  if (!answer.ok) throw refused(answer, issuer);
  const result = schema.safeParse(answer.body);
  if (!result.success)
    throw new ShoalError("unavailable", `${issuer} does not answer as a provider with device codes does`);
  return result.data;
}

function refused(answer: Answered, issuer: string): ShoalError {
  const refusal = refusalSchema.safeParse(answer.body);
  const why = refusal.success ? (refusal.data.error_description ?? refusal.data.error) : "no reason was given";
  return new ShoalError("unauthenticated", `${issuer} refused: ${why}`);
}
