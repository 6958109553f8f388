/**
 * What is between a person's click and a token: authorization codes (RFC 6749 with PKCE, RFC 7636) and device codes
 * (RFC 8628). Single use, short lived, in memory: whoever is in the middle of signing in during a restart does it again.
 */
import { createHash, randomBytes, randomInt } from "node:crypto";
import { minutes, plus, seconds, since, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { OAuthError } from "./oauth-error.ts";
import type { IdentityUser } from "./tokens.ts";

export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  /** SHA-256 of the verifier, base64url. */
  readonly codeChallenge: string;
  readonly nonce?: string;
}

export interface Grant {
  readonly user: IdentityUser;
  readonly clientId: string;
  readonly nonce?: string;
}

interface Device {
  readonly clientId: string;
  readonly userCode: string;
  readonly expiresAt: Timestamp;
  polledAt: Timestamp | undefined;
  answer: "pending" | "denied" | IdentityUser;
}

export interface Grants {
  issueCode(request: AuthorizationRequest, user: IdentityUser): string;
  redeemCode(code: string, given: { clientId: string; redirectUri: string; verifier: string }): Grant;
  startDevice(clientId: string): {
    deviceCode: string;
    userCode: string;
    expiresInSeconds: number;
    intervalSeconds: number;
  };
  /** Whether a device waits for this code. */
  isWaiting(userCode: string): boolean;
  answerDevice(userCode: string, answer: IdentityUser | "denied"): boolean;
  pollDevice(deviceCode: string, clientId: string): Grant;
}

const CODE_LIFE = seconds(60);
const DEVICE_LIFE = minutes(10);
const POLL_EVERY = seconds(1);
const MOST = 1000;
/** No vowels and no look-alikes, as RFC 8628 advises. */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";

type Code = AuthorizationRequest & { readonly user: IdentityUser; readonly expiresAt: Timestamp };

export function createGrants(clock: Pick<Clock, "now">): Grants {
  const codes = new Map<string, Code>();
  const devices = new Map<string, Device>();
  return { ...codeGrants(codes, clock), ...deviceGrants(devices, clock) };
}

function codeGrants(codes: Map<string, Code>, clock: Pick<Clock, "now">): Pick<Grants, "issueCode" | "redeemCode"> {
  return {
    issueCode: (request, user) => {
      forgetExpired(codes, clock.now());
      const code = randomBytes(32).toString("base64url");
      codes.set(code, { ...request, user, expiresAt: plus(clock.now(), CODE_LIFE) });
      return code;
    },
    redeemCode: (code, given) => {
      const grant = codes.get(code);
      // Also a wrong try uses the code up: it may be in the wrong hands.
      codes.delete(code);
      if (grant === undefined || grant.expiresAt <= clock.now())
        throw new OAuthError("invalid_grant", "the code is unknown, used or expired");
      if (grant.clientId !== given.clientId || grant.redirectUri !== given.redirectUri)
        throw new OAuthError("invalid_grant", "the code was issued to another client or redirect_uri");
      if (createHash("sha256").update(given.verifier).digest("base64url") !== grant.codeChallenge)
        throw new OAuthError("invalid_grant", "the code_verifier does not match the code_challenge");
      return {
        user: grant.user,
        clientId: grant.clientId,
        ...(grant.nonce === undefined ? {} : { nonce: grant.nonce }),
      };
    },
  };
}

function deviceGrants(
  devices: Map<string, Device>,
  clock: Pick<Clock, "now">,
): Pick<Grants, "startDevice" | "isWaiting" | "answerDevice" | "pollDevice"> {
  const waiting = (userCode: string): Device | undefined => {
    const plain = userCode.toUpperCase().replace(/[^A-Z]/g, "");
    for (const device of devices.values())
      if (device.userCode === plain && device.answer === "pending" && device.expiresAt > clock.now()) return device;
    return undefined;
  };
  return {
    startDevice: (clientId) => {
      forgetExpired(devices, clock.now());
      const deviceCode = randomBytes(32).toString("base64url");
      const userCode = Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
      const expiresAt = plus(clock.now(), DEVICE_LIFE);
      devices.set(deviceCode, { clientId, userCode, expiresAt, polledAt: undefined, answer: "pending" });
      return {
        deviceCode,
        userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}`,
        expiresInSeconds: DEVICE_LIFE / 1000,
        intervalSeconds: POLL_EVERY / 1000,
      };
    },
    isWaiting: (userCode) => waiting(userCode) !== undefined,
    answerDevice: (userCode, answer) => {
      const device = waiting(userCode);
      if (device !== undefined) device.answer = answer;
      return device !== undefined;
    },
    pollDevice: (deviceCode, clientId) => {
      const device = devices.get(deviceCode);
      if (device === undefined || device.clientId !== clientId)
        throw new OAuthError("invalid_grant", "the device_code is unknown or used");
      const now = clock.now();
      const tooSoon = device.polledAt !== undefined && since(now, device.polledAt) < POLL_EVERY * 0.8;
      device.polledAt = now;
      if (device.expiresAt <= now) throw new OAuthError("expired_token", "the device_code has expired");
      if (device.answer === "pending")
        throw tooSoon
          ? new OAuthError("slow_down", "polled faster than the interval")
          : new OAuthError("authorization_pending", "nobody has answered yet");
      devices.delete(deviceCode);
      if (device.answer === "denied") throw new OAuthError("access_denied", "the person said no");
      return { user: device.answer, clientId };
    },
  };
}

function forgetExpired(entries: Map<string, { readonly expiresAt: Timestamp }>, now: Timestamp): void {
  for (const [key, entry] of entries) if (entry.expiresAt <= now || entries.size >= MOST) entries.delete(key);
}
