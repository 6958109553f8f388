/** `/auth/*`: what anybody may call. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { tokenInUrl } from "../guard.ts";
import { nodeUrlOf } from "../node-host.ts";
import { AUTH_LIMITS } from "../settings.ts";
import { addressOf } from "./address.ts";
import { readBody } from "./body.ts";
import { loginPage } from "./login-page.ts";
import type { RoutesInit } from "./routes.ts";
import { reply, tokensReply } from "./reply.ts";

const name = z.string().min(1).max(AUTH_LIMITS.nameMaxLength);
const texts = z.array(z.string());
const token = z.string().min(1).max(AUTH_LIMITS.tokenLength);

const tokenRequest = z.object({
  auth_method: z.enum(["user_password", "username_password"]),
  /** Names who signs in; with passwords the user's name does. */
  public_key: name,
  client_name: z.string().min(1).max(2048),
  permissions: texts.nullish(),
  timestamp: z.number().nonnegative(),
  provider_data: z.object({ username: z.string().min(1).max(1024), password: z.string().min(1).max(1024) }),
});
const refreshRequest = z.object({ access_token: token, refresh_token: token });
const lifetime = z
  .number()
  .int()
  .min(1)
  .max(365 * 86_400)
  .nullish();
const mockRequest = z.object({
  client_name: name,
  permissions: texts.nullish(),
  node_url: z.string().max(2048).nullish(),
  access_token_expiry: lifetime,
  refresh_token_expiry: lifetime,
});

export function publicRoutes(init: RoutesInit): Hono {
  const { signIn, keys, guard, settings, counts } = init;
  const app = new Hono();

  app.get("/login", () => loginPage(settings, init.random));
  app.get("/providers", async () => {
    const providers = [
      {
        name: "user_password",
        type: "credentials",
        description: "Signs in with user name and password",
        configured: await keys.hasAdministrator(),
        config: { enabled: true },
      },
    ].filter(() => settings.userPassword.enabled);
    return reply({ providers, count: providers.length });
  });
  app.get("/health", () =>
    reply({ status: "alive", storage: init.storageAnswers(), uptime_seconds: init.uptimeSeconds() }),
  );

  app.post("/token", async (context) => {
    const body = await readBody(context.req.raw, tokenRequest, settings.maxBodyBytes);
    if (!settings.userPassword.enabled)
      throw new ShoalError("invalid_argument", "signing in by password is switched off", { field: "auth_method" });
    counts.logins += 1;
    const { username, password } = body.provider_data;
    try {
      const pair = await signIn.login({
        username,
        password: new Secret(password),
        clientName: body.client_name,
        permissions: body.permissions ?? undefined,
        address: addressOf(context, settings.trustedProxies),
      });
      return tokensReply(pair);
    } catch (thrown) {
      counts.failedLogins += 1;
      throw thrown;
    }
  });

  app.post("/refresh", async (context) => {
    const body = await readBody(context.req.raw, refreshRequest, settings.maxBodyBytes);
    counts.refreshes += 1;
    const pair = { accessToken: body.access_token, refreshToken: body.refresh_token };
    return tokensReply(await signIn.refresh(pair, context.req.raw));
  });

  app.on(["GET", "POST"], "/validate", async (context) => {
    counts.validations += 1;
    // A proxy that asks for its own caller tells the address that was called.
    const forwarded = tokenInUrl(context.req.header("x-forwarded-uri") ?? "");
    const request = context.req.raw;
    const carried = context.req.header("authorization") === undefined && forwarded !== undefined;
    const verified = carried ? await guard.authenticate(request, forwarded) : await guard.authenticate(request);
    const { keyId, permissions } = verified.principal;
    const allowed = permissions.join(",");
    return reply("", { "X-Auth-User": keyId, ...(allowed === "" ? {} : { "X-Auth-Permissions": allowed }) });
  });

  const { mock } = settings;
  if (mock !== undefined)
    app.post("/mock-token", async (context) => {
      if (mock.header !== undefined && !same(context.req.header("authorization") ?? "", mock.header.reveal()))
        throw new ShoalError("unauthenticated", "this needs the configured Authorization header");
      const body = await readBody(context.req.raw, mockRequest, settings.maxBodyBytes);
      const pair = await keys.createMock(body.client_name, body.permissions ?? ["admin"], {
        nodeUrl: nodeUrlOf(body.node_url ?? undefined),
        lifetimes: { access: body.access_token_expiry ?? undefined, refresh: body.refresh_token_expiry ?? undefined },
      });
      return tokensReply(pair);
    });
  return app;
}

/** Compares hashes, so that neither the place of a difference nor the length shows in the time it takes. */
function same(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
