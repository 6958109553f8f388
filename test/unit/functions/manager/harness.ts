/** A manager over a real database, served in process, and callers of it: API keys, people, other organisations. */
import { createManager, type Manager, type ManagerInit } from "@shoal/functions/manager/manager.ts";
import { createIdTokenVerifier } from "@shoal/functions/manager/id-token.ts";
import { hashOfToken, hintOfToken, makeToken } from "@shoal/functions/manager/tokens.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { SCOPES, type Scope } from "@shoal/shared/model/account.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { systemClock } from "../../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

export const DIGEST = `sha256:${"ab".repeat(32)}`;
export const random = seeded(process.pid);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface Caller {
  readonly token: string;
  readonly organisationId: string;
  readonly call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
}

export interface World {
  readonly db: TestDatabase;
  readonly manager: Manager;
  readonly wakes: { count: number };
  readonly organisation: (slug: string, plan?: string) => Promise<string>;
  readonly key: (organisationId: string, scopes?: readonly Scope[], change?: KeyChange) => Promise<Caller>;
  readonly member: (organisationId: string, role: string) => Promise<Caller & { readonly userId: string }>;
  readonly as: (token: string | undefined, organisationId?: string) => Caller;
  /** Another instance over the same database. */
  readonly instance: (change?: Partial<ManagerInit>) => Manager;
  readonly close: () => Promise<void>;
}

interface KeyChange {
  readonly revoked?: boolean;
  readonly expired?: boolean;
}

export async function world(change: Partial<ManagerInit> = {}): Promise<World> {
  const db = await testDatabase();
  await db.sql.query("insert into clusters (id, name, k8s_namespace) values ('cls-1', 'local', 'dory-apps')");
  const wakes = { count: 0 };
  const managers: Manager[] = [];
  const instance = (more: Partial<ManagerInit> = {}): Manager => {
    const manager = createManager({
      database: db.open(),
      clock: systemClock,
      random,
      log: silentLog,
      verifyIdToken: createIdTokenVerifier({
        issuer: "https://id.example.test",
        audience: "shoal",
        jwksUrl: "http://127.0.0.1:9/jwks",
        clock: systemClock,
      }),
      wakeDispatch: async () => void (wakes.count += 1),
      logs: async () => (async function* () {})(),
      version: "0.0.0",
      ...change,
      ...more,
      limits: { anonymousRequestsPerMinute: 1_000_000, ...change.limits, ...more.limits },
    });
    managers.push(manager);
    return manager;
  };
  const manager = instance();
  const as = (token: string | undefined, organisationId = ""): Caller => ({
    token: token ?? "",
    organisationId,
    call: (method, path, body, headers) => send(manager, token, method, path, body, headers),
  });
  return {
    db,
    manager,
    wakes,
    as,
    instance,
    organisation: async (slug, plan = "scale") => {
      const id = makeId<string>("organisation", random);
      await db.sql.query("insert into organisations (id, slug, name, plan) values ($1, $2, $2, $3)", [id, slug, plan]);
      return id;
    },
    key: async (organisationId, scopes = SCOPES, { revoked, expired } = {}) => {
      const token = makeToken("api-key", random);
      await db.sql.query(
        `insert into api_keys (id, organisation_id, name, token_hint, token_hash, scopes, created_by, revoked_at, expires_at)
         values ($1, $2, 'test', $3, $4, $5, 'test', $6, $7)`,
        [
          makeId("apiKey", random),
          organisationId,
          hintOfToken(token),
          hashOfToken(token),
          [...scopes],
          revoked === true ? new Date() : null,
          expired === true ? new Date(0) : null,
        ],
      );
      return as(token, organisationId);
    },
    member: async (organisationId, role) => {
      const userId = makeId<string>("user", random);
      const token = makeToken("session", random);
      await db.sql.query(
        "insert into users (id, email, name, issuer, subject) values ($1, $1 || '@example.test', 'Ada', 'test', $1)",
        [userId],
      );
      await db.sql.query("insert into memberships (organisation_id, user_id, role) values ($1, $2, $3)", [
        organisationId,
        userId,
        role,
      ]);
      await db.sql.query(
        "insert into sessions (id, organisation_id, user_id, token_hash, expires_at) values ($1, $2, $3, $4, now() + interval '1 hour')",
        [makeId("session", random), organisationId, userId, hashOfToken(token)],
      );
      return { ...as(token, organisationId), userId };
    },
    close: async () => {
      for (const each of managers) each.close();
      await db.drop();
    },
  };
}

export async function send(
  manager: Manager,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await manager.fetch(request(token, method, path, body, headers));
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (isJson ? JSON.parse(text) : {}) as Record<string, unknown>,
  };
}

export function request(
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Request {
  return new Request(`http://shoal.test/api/v1${path}`, {
    method,
    headers: {
      ...(token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** A template with an active version. */
export async function makeTemplate(caller: Caller, slug = "meter", config: object = {}): Promise<void> {
  await caller.call("POST", "/processor-templates", { slug });
  await caller.call("POST", `/processor-templates/${slug}/versions`, {
    version: "1.0.0",
    image_uri: "registry.example.test/meter",
    digest: DIGEST,
    runtime_config_template: config,
  });
}

export async function makeProcessor(
  caller: Caller,
  name: string,
  more: object = {},
): Promise<{ readonly operation: Operation; readonly processor: Processor }> {
  const answer = await caller.call("POST", "/processors", { name, template: "meter", ...more });
  if (answer.status !== 202) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json as unknown as { operation: Operation; processor: Processor };
}
