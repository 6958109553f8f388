/** `/admin/*`: keys, for whoever has a token that allows it, in every mode. */
import { Hono } from "hono";
import { z } from "zod";
import { AUTH_LIMITS } from "../settings.ts";
import { adminKeyRoutes } from "./admin-keys.ts";
import { adminTools } from "./admin-tools.ts";
import { reply } from "./reply.ts";
import type { RoutesInit } from "./routes.ts";

const texts = z.array(z.string());
const revokeRequest = z.object({ client_id: z.string().min(1).max(AUTH_LIMITS.nameMaxLength) });
const changeRequest = z.object({ add: texts.nullish(), remove: texts.nullish() });

export function adminRoutes(init: RoutesInit): Hono {
  const { keys, guard, settings } = init;
  const { may, body, onKey } = adminTools(init);
  const app = new Hono();
  app.route("/", adminKeyRoutes(init));

  app.post("/revoke", async (context) => {
    const caller = await may(context, "keys:delete");
    await keys.revokeTokens(caller, (await body(context, revokeRequest)).client_id);
    return reply({ success: true, message: "Tokens revoked successfully" });
  });

  app.get("/keys/:id/permissions", async (context) => {
    const keyId = context.req.param("id");
    await may(context, onKey("keys:permissions:get", keyId));
    return reply({ permissions: keys.get(keyId).permissions });
  });
  app.put("/keys/:id/permissions", async (context) => {
    const keyId = context.req.param("id");
    const caller = await may(context, onKey("keys:permissions:update", keyId));
    const { add, remove } = await body(context, changeRequest);
    const key = await keys.change(caller, keyId, add ?? [], remove ?? []);
    return reply({ permissions: key.permissions });
  });

  app.get("/identity", async (context) => {
    await guard.authenticate(context.req.raw);
    const providers = settings.userPassword.enabled ? ["user_password"] : [];
    const mode = settings.mode === "proxy" ? "forward" : "embedded";
    return reply({ service: "shoal-node", version: init.version, authentication_mode: mode, providers });
  });
  app.get("/metrics", async (context) => {
    await may(context, "admin");
    return reply(await init.metrics());
  });
  return app;
}
