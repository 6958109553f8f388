/** Auth, wired: records on the store, tokens, sessions, keys, the guard and the routes. */
import type { Hono } from "hono";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import type { Store } from "../storage/store.ts";
import type { Guard } from "./contract.ts";
import { createTokenGuard, openGuard } from "./guard.ts";
import { createKeys, type Keys } from "./keys.ts";
import { createLoginLimit } from "./login-limit.ts";
import { createPasswords } from "./passwords.ts";
import { createRecords } from "./records.ts";
import { createRoutes, type Counts } from "./routes/routes.ts";
import { loadSecrets } from "./secrets.ts";
import { createSessions } from "./sessions.ts";
import type { AuthSettings } from "./settings.ts";
import { createSignIn } from "./sign-in.ts";
import { createTokens } from "./tokens.ts";
import { createVerifier } from "./verifier.ts";

export interface AuthInit {
  readonly store: Store;
  readonly clock: Clock;
  /** Has to be unguessable: keys, salts and secrets come from it. */
  readonly random: Random;
  readonly log: Log;
  readonly settings: AuthSettings;
  /** The node's version, for `/admin/identity`. */
  readonly version: string;
}

export interface Auth {
  /** For the node's own routes: judges tokens when embedded, lets everybody in behind a proxy. */
  readonly guard: Guard;
  /** `/auth/*` and `/admin/*`; the latter always ask for a token. */
  routes(): Hono;
  /** The first administrator or one more; throws `already_exists`, or `invalid_argument` for a bad name or password. */
  createAdministrator: Keys["createAdministrator"];
  hasAdministrator: Keys["hasAdministrator"];
}

/** Makes the first administrator of the settings, if there is none yet. Nobody becomes one by being the first to log in. */
export async function createAuth(init: AuthInit): Promise<Auth> {
  const { store, clock, random, log, settings } = init;
  const started = clock.monotonic();
  const records = createRecords(store);
  const longest = milliseconds(Math.max(settings.refreshTokenExpiry, settings.accessTokenExpiry));
  const secrets = await loadSecrets({ records, clock, random, longest });
  const tokens = createTokens({ secrets, clock, settings });
  const verifier = createVerifier({ records, tokens, clock });
  const passwords = createPasswords(random);
  const turns = keyedTurns();
  // Changes are few; one after the other they cannot race.
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => turns.run("auth", "write", work);
  const sessions = createSessions({ records, secrets, tokens, verifier, clock, random, log, settings });
  const keys = createKeys({ records, sessions, verifier, passwords, clock, random, exclusive, settings });
  const limit = createLoginLimit(clock);
  const signIn = createSignIn({ records, sessions, tokens, passwords, limit, exclusive, settings });
  const guard = createTokenGuard(verifier, settings.nodeHost);
  const counts: Counts = { logins: 0, failedLogins: 0, refreshes: 0, validations: 0 };

  if (!(await keys.hasAdministrator())) {
    const { firstAdministrator } = settings;
    if (firstAdministrator !== undefined) await keys.createAdministrator(firstAdministrator);
    else log.warn({}, "there is no administrator: give MERO_AUTH_ADMIN_USER and MERO_AUTH_ADMIN_PASSWORD at a start");
  }

  return {
    guard: settings.mode === "embedded" ? guard : openGuard,
    routes: () =>
      createRoutes({
        signIn,
        keys,
        guard,
        settings,
        random,
        log,
        version: init.version,
        counts,
        uptimeSeconds: () => Math.floor((clock.monotonic() - started) / 1000),
        storageAnswers: () => answers(store),
        metrics: async () => ({
          logins_total: counts.logins,
          failed_logins_total: counts.failedLogins,
          refreshes_total: counts.refreshes,
          validations_total: counts.validations,
          verified_token_hits_total: verifier.counts.hits,
          verified_token_misses_total: verifier.counts.misses,
          sessions: (await records.sessions()).length,
          keys: (await records.keys()).length,
        }),
      }),
    createAdministrator: (credentials) => keys.createAdministrator(credentials),
    hasAdministrator: () => keys.hasAdministrator(),
  };
}

function answers(store: Store): boolean {
  try {
    store.get("auth", new Uint8Array([0]));
    return true;
  } catch {
    return false;
  }
}
