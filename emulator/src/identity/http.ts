/** The provider's endpoints: discovery, keys, authorization, device authorization, token, userinfo. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createLocalJWKSet, jwtVerify } from "jose";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Grants } from "./grants.ts";
import type { SigningKey } from "./keys.ts";
import { OAuthError } from "./oauth-error.ts";
import { devicePage, messagePage, signInPage } from "./pages.ts";
import { claimsOf, subjectOf, TOKEN_SECONDS, type IdentityUser, type Tokens } from "./tokens.ts";

export interface IdentityClient {
  readonly id: string;
  readonly name: string;
  /** Exact, but that a loopback address may come with any port (RFC 8252, 7.3). */
  readonly redirectUris: readonly string[];
}

export interface Provider {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly tokens: Tokens;
  readonly grants: Grants;
  readonly clients: readonly IdentityClient[];
  readonly users: readonly IdentityUser[];
  readonly log: Log;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is HTML, an object JSON. */
  readonly body?: string | object;
}

type Handler = (provider: Provider, input: URLSearchParams, request: IncomingMessage) => Reply | Promise<Reply>;

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

const ROUTES: Readonly<Record<string, Handler>> = {
  "GET /.well-known/openid-configuration": (provider) => ({ status: 200, body: discovery(provider.issuer) }),
  "GET /jwks": (provider) => ({ status: 200, body: { keys: [provider.key.publicJwk] } }),
  "GET /authorize": authorizePage,
  "POST /authorize": authorize,
  "POST /device_authorization": deviceAuthorization,
  "GET /device": (provider, input) => ({ status: 200, body: devicePage(provider.users, input.get("user_code") ?? "") }),
  "POST /device": answerDevice,
  "POST /token": token,
  "GET /userinfo": userinfo,
};

function discovery(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/userinfo`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", DEVICE_GRANT],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none"],
    scopes_supported: ["openid", "email", "profile"],
    claims_supported: ["iss", "sub", "aud", "exp", "iat", "nonce", "email", "email_verified", "name"],
  };
}

function authorizePage(provider: Provider, input: URLSearchParams): Reply {
  const client = checkedAuthorization(provider, input);
  return { status: 200, body: signInPage(client.name, provider.users, Object.fromEntries(input)) };
}

function authorize(provider: Provider, input: URLSearchParams): Reply {
  const client = checkedAuthorization(provider, input);
  const user = provider.users.find((each) => each.email === input.get("user"));
  if (user === undefined) throw new OAuthError("invalid_request", "there is no such user");
  const nonce = input.get("nonce");
  const redirectUri = input.get("redirect_uri") ?? "";
  const code = provider.grants.issueCode(
    {
      clientId: client.id,
      redirectUri,
      codeChallenge: input.get("code_challenge") ?? "",
      ...(nonce === null ? {} : { nonce }),
    },
    user,
  );
  const back = new URL(redirectUri);
  back.searchParams.set("code", code);
  back.searchParams.set("iss", provider.issuer);
  const state = input.get("state");
  if (state !== null) back.searchParams.set("state", state);
  return { status: 303, headers: { location: back.href } };
}

/** A wrong client or address is told to the person, never to the address: it may be an attacker's. */
function checkedAuthorization(provider: Provider, input: URLSearchParams): IdentityClient {
  const client = clientOf(provider, input);
  const redirectUri = input.get("redirect_uri") ?? "";
  if (!client.redirectUris.some((known) => isSameRedirect(known, redirectUri)))
    throw new OAuthError("invalid_request", `redirect_uri is not one of ${client.id}'s`);
  if (input.get("response_type") !== "code") throw new OAuthError("invalid_request", "response_type must be code");
  if (input.get("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(input.get("code_challenge") ?? ""))
    throw new OAuthError("invalid_request", "code_challenge with code_challenge_method S256 is required");
  return client;
}

function isSameRedirect(known: string, given: string): boolean {
  if (known === given) return true;
  if (!URL.canParse(known) || !URL.canParse(given)) return false;
  const [a, b] = [new URL(known), new URL(given)];
  const isLoopback = a.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(a.hostname);
  a.port = b.port;
  return isLoopback && a.href === b.href;
}

function clientOf(provider: Provider, input: URLSearchParams): IdentityClient {
  const client = provider.clients.find((each) => each.id === input.get("client_id"));
  if (client === undefined) throw new OAuthError("invalid_client", "there is no such client");
  return client;
}

function deviceAuthorization(provider: Provider, input: URLSearchParams): Reply {
  const device = provider.grants.startDevice(clientOf(provider, input).id);
  const verification = `${provider.issuer}/device`;
  return {
    status: 200,
    body: {
      device_code: device.deviceCode,
      user_code: device.userCode,
      verification_uri: verification,
      verification_uri_complete: `${verification}?user_code=${device.userCode}`,
      expires_in: device.expiresInSeconds,
      interval: device.intervalSeconds,
    },
  };
}

function answerDevice(provider: Provider, input: URLSearchParams): Reply {
  const user = provider.users.find((each) => each.email === input.get("user"));
  const isKnown = provider.grants.answerDevice(input.get("user_code") ?? "", user ?? "denied");
  if (!isKnown) return { status: 400, body: messagePage("Connect a device", "No device waits with this code.") };
  const said = user === undefined ? "The device was turned away." : `The device is signed in as ${user.email}.`;
  return { status: 200, body: messagePage("Connect a device", `${said} You may close this page.`) };
}

async function token(provider: Provider, input: URLSearchParams): Promise<Reply> {
  const { id: clientId } = clientOf(provider, input);
  const kind = input.get("grant_type");
  const grant =
    kind === "authorization_code"
      ? provider.grants.redeemCode(input.get("code") ?? "", {
          clientId,
          redirectUri: input.get("redirect_uri") ?? "",
          verifier: input.get("code_verifier") ?? "",
        })
      : kind === DEVICE_GRANT
        ? provider.grants.pollDevice(input.get("device_code") ?? "", clientId)
        : undefined;
  if (grant === undefined) throw new OAuthError("unsupported_grant_type", "authorization_code and device_code only");
  const [idToken, accessToken] = await Promise.all([
    provider.tokens.idToken(grant.user, clientId, grant.nonce),
    provider.tokens.accessToken(grant.user),
  ]);
  const body = { access_token: accessToken, token_type: "Bearer", expires_in: TOKEN_SECONDS, id_token: idToken };
  return { status: 200, headers: { "cache-control": "no-store" }, body: { ...body, scope: "openid email profile" } };
}

async function userinfo(provider: Provider, _input: URLSearchParams, request: IncomingMessage): Promise<Reply> {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const keys = createLocalJWKSet({ keys: [provider.key.publicJwk] });
  const expected = { issuer: provider.issuer, audience: `${provider.issuer}/userinfo`, algorithms: ["RS256"] };
  const verified = await jwtVerify(bearer, keys, expected).catch(() => undefined);
  const user = provider.users.find((each) => subjectOf(each) === verified?.payload.sub);
  if (user === undefined)
    return {
      status: 401,
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
      body: { error: "invalid_token" },
    };
  return { status: 200, body: claimsOf(user) };
}

export function createProviderServer(provider: () => Provider): Server {
  return createServer((request, response) => {
    respond(provider(), request)
      .then((reply) => {
        const isPage = typeof reply.body === "string";
        const text = typeof reply.body === "object" ? JSON.stringify(reply.body) : (reply.body ?? "");
        response.writeHead(reply.status, {
          "content-type": isPage ? "text/html; charset=utf-8" : "application/json",
          "content-length": Buffer.byteLength(text),
          // The console is of another origin and redeems its code itself; nothing here relies on cookies.
          "access-control-allow-origin": "*",
          "access-control-allow-headers": "authorization, content-type",
          ...(isPage
            ? { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" }
            : {}),
          ...reply.headers,
        });
        response.end(text);
      })
      .catch((thrown: unknown) => provider().log.debug({ err: thrown }, "an answer could not be sent"));
  });
}

async function respond(provider: Provider, request: IncomingMessage): Promise<Reply> {
  const url = new URL(request.url ?? "/", provider.issuer);
  if (request.method === "OPTIONS") return { status: 204 };
  const handle = ROUTES[`${request.method} ${url.pathname}`];
  if (handle === undefined) return { status: 404, body: { error: "not_found" } };
  const isForPeople = url.pathname === "/authorize" || url.pathname === "/device";
  try {
    if (isForPeople) refuseForeign(request);
    const input = request.method === "POST" ? await readForm(request) : url.searchParams;
    return await handle(provider, input, request);
  } catch (thrown) {
    if (!(thrown instanceof OAuthError) && !(thrown instanceof ShoalError))
      provider.log.error({ err: thrown, path: url.pathname }, "the identity provider failed");
    const code = thrown instanceof OAuthError ? thrown.code : "server_error";
    const status = code === "invalid_client" ? 401 : code === "server_error" ? 500 : 400;
    if (isForPeople) return { status, body: messagePage("That did not work", messageOf(thrown)) };
    return { status, body: { error: code, error_description: messageOf(thrown) } };
  }
}

/** Another site's form could sign its own device in with one of our users. */
function refuseForeign(request: IncomingMessage): void {
  const { origin, host } = request.headers;
  if (request.method === "POST" && origin !== undefined && origin !== `http://${host}`)
    throw new OAuthError("invalid_request", "this form was sent from another site");
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString("utf8");
    if (text.length > 65_536) throw new OAuthError("invalid_request", "the body is too large");
  }
  return new URLSearchParams(text);
}
