/** What auth is told: the part of config.toml that it needs, with upstream's numbers. */
import type { Secret } from "@shoal/shared/base/secret.ts";
import { days, hours, seconds, type DurationMs } from "@shoal/shared/base/time.ts";

export interface AuthSettings {
  /** `embedded`: the guard checks every request. `proxy`: whoever reaches the node's routes is let in. */
  readonly mode: "embedded" | "proxy";
  /** `iss` and `aud` of every token. */
  readonly issuer: string;
  readonly accessTokenExpiry: DurationMs;
  readonly refreshTokenExpiry: DurationMs;
  /** Host that node-bound tokens must name; without it the host of the request is taken. */
  readonly nodeHost?: string;
  readonly userPassword: PasswordSettings;
  /** How many proxies in front append to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  readonly maxBodyBytes: number;
  /** Without it `/auth/mock-token` does not exist. `header`: what `Authorization` has to be; undefined asks for nothing. */
  readonly mock?: { readonly header: Secret | undefined };
  readonly csp: CspSettings;
  /** Made at start where there is no administrator yet. */
  readonly firstAdministrator?: Credentials;
}

export interface PasswordSettings {
  readonly enabled: boolean;
  readonly minLength: number;
  readonly maxLength: number;
}

/** Sources that the login page's policy allows beside the page itself. */
export interface CspSettings {
  readonly defaultSrc?: readonly string[];
  readonly scriptSrc?: readonly string[];
  readonly styleSrc?: readonly string[];
  readonly connectSrc?: readonly string[];
}

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

export const DEFAULT_AUTH_SETTINGS: AuthSettings = {
  mode: "proxy",
  issuer: "calimero-auth",
  accessTokenExpiry: seconds(3600),
  refreshTokenExpiry: days(30),
  userPassword: { enabled: true, minLength: 8, maxLength: 128 },
  trustedProxies: 0,
  maxBodyBytes: 1024 * 1024,
  csp: {},
};

export const AUTH_LIMITS = {
  /** A signing secret signs for this long; what it signed stays valid until it expires. */
  secretRotation: hours(24),
  /** By how much clocks may differ. */
  leeway: seconds(60),
  /** Failed logins of one address within the window. */
  loginFailures: 5,
  loginWindow: seconds(60),
  /** Addresses that are remembered; the one that was quiet for longest is forgotten first. */
  loginAddresses: 10_000,
  /** Verified tokens that are remembered, and for how long. */
  cachedTokens: 10_000,
  cacheTtl: seconds(30),
  /** Longest token that is looked at. */
  tokenLength: 16 * 1024,
  keys: 10_000,
  /** Sign-ins of one key that are open at once; the oldest ends when there is one more. */
  sessionsPerKey: 256,
  nameMaxLength: 256,
  usernameMaxLength: 128,
  /** Passwords that wait to be hashed. */
  passwordsWaiting: 32,
  /** How often what has expired is cleared away. */
  sweepEvery: hours(1),
} as const;
