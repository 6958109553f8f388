/** An auth of its own on a real store, a clock that is told to move, and its routes called as fetch calls them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { createAuth, type Auth } from "@shoal/node/auth/auth.ts";
import { DEFAULT_AUTH_SETTINGS, type AuthSettings } from "@shoal/node/auth/settings.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

export const ADMIN = { username: "ada", password: "correct horse" };

const opened: { readonly store: Store; readonly path: string }[] = [];
afterAll(async () => {
  for (const { store, path } of opened.splice(0)) {
    await store.close();
    await rm(path, { recursive: true });
  }
});

/** A store in a directory of its own, closed and removed after the file's tests. */
export async function freshStore(): Promise<Store> {
  const path = await mkdtemp(join(tmpdir(), "shoal-auth-"));
  const store = await openStore({ path, log: silentLog });
  opened.push({ store, path });
  return store;
}

export interface Pair {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: unknown;
  readonly error: string | null;
}

export interface World {
  readonly auth: Auth;
  readonly store: Store;
  readonly clock: VirtualClock;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  login(extra?: object, address?: string): Promise<Answer>;
  /** Tokens of the first administrator, or of whoever `extra` names. */
  tokens(extra?: object): Promise<Pair>;
  client(admin: Pair, body: object): Promise<Pair>;
  refresh(pair: Pair): Promise<Answer>;
  /** Until access tokens have expired, leeway and all. */
  expire(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The socket's address. */
  readonly address?: string;
}

export async function world(
  settings: Partial<AuthSettings> = {},
  init: { store?: Store; clock?: VirtualClock; seed?: number; log?: Log; administrator?: boolean } = {},
): Promise<World> {
  const { store = await freshStore(), clock = createVirtualClock(), log = silentLog } = init;
  const auth = await createAuth({
    store,
    clock,
    random: seeded(init.seed ?? 7),
    log,
    version: "1.2.3",
    settings: {
      ...DEFAULT_AUTH_SETTINGS,
      mode: "embedded",
      ...(init.administrator === false
        ? {}
        : { firstAdministrator: { username: ADMIN.username, password: new Secret(ADMIN.password) } }),
      ...settings,
    },
  });
  const routes = auth.routes();

  const call: World["call"] = async (method, path, { token, body, headers = {}, address = "192.0.2.1" } = {}) => {
    const response = await routes.request(
      path,
      {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      },
      { incoming: { socket: { remoteAddress: address } } },
    );
    const text = await response.text();
    const json = response.headers.get("content-type")?.startsWith("application/json") === true && text !== "";
    const { data, error } = json ? (JSON.parse(text) as Answer) : { data: text, error: null };
    return { status: response.status, headers: response.headers, data, error };
  };
  const login: World["login"] = (extra = {}, address = "192.0.2.1") =>
    call("POST", "/auth/token", { body: tokenRequest(extra), address });
  const ok = async (answer: Promise<Answer>): Promise<Pair> => {
    const { status, data, error } = await answer;
    if (status !== 200) throw new Error(`${status}: ${error}`);
    return data as Pair;
  };
  return {
    auth,
    store,
    clock,
    call,
    login,
    tokens: (extra) => ok(login(extra)),
    client: (admin, body) => ok(call("POST", "/admin/client-key", { token: admin.access_token, body })),
    refresh: (pair) => call("POST", "/auth/refresh", { body: pair }),
    expire: () => clock.advance(seconds(3600 + 61)),
  };
}

export function tokenRequest(extra: object = {}): object {
  return {
    auth_method: "user_password",
    public_key: ADMIN.username,
    client_name: "test",
    timestamp: 1_800_000_000,
    provider_data: ADMIN,
    ...extra,
  };
}

/** What the guard says of a token: `ok`, or the word of its refusal. */
export async function judged(
  w: World,
  token: string | undefined,
  required?: string,
  url = "http://node.test/x",
): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    await w.auth.guard.check(new Request(url, { headers }), required);
    return "ok";
  } catch (thrown) {
    return (thrown as { authError?: string }).authError ?? `not an AuthFailure: ${String(thrown)}`;
  }
}
