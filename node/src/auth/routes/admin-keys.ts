/** `/admin/keys` and `/admin/client-key`: keys made, listed and revoked. */
import { Hono } from "hono";
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { nodeUrlOf } from "../node-host.ts";
import type { AuthKey } from "../records.ts";
import { AUTH_LIMITS } from "../settings.ts";
import { adminTools } from "./admin-tools.ts";
import { reply, tokensReply } from "./reply.ts";
import type { RoutesInit } from "./routes.ts";

const texts = z.array(z.string());
const id = z.string().min(1).max(AUTH_LIMITS.nameMaxLength);
const nodeUrl = z
  .string()
  .max(2048)
  .refine((text) => nodeUrlOf(text) !== undefined, "expected an http or https URL")
  .nullish();

const rootRequest = z.object({
  public_key: id,
  auth_method: z.enum(["user_password", "username_password"]),
  provider_data: z.object({ username: z.string(), password: z.string() }),
  target_node_url: nodeUrl,
  /** Without it the new key may do everything, as upstream's do; which only an administrator can grant. */
  permissions: texts.nullish(),
});
const clientRequest = z.object({
  context_id: id.nullish(),
  context_identity: id.nullish(),
  permissions: texts.nullish(),
  target_node_url: nodeUrl,
});

export function adminKeyRoutes(init: RoutesInit): Hono {
  const { keys } = init;
  const { may, body, onKey } = adminTools(init);
  const app = new Hono();

  app.get("/keys", async (context) => {
    await may(context, "keys:list");
    return reply((await keys.list("root")).map(rootView));
  });
  app.post("/keys", async (context) => {
    const caller = await may(context, "keys:create");
    const asked = await body(context, rootRequest);
    const key = await keys.createRoot(caller, {
      publicKey: asked.public_key,
      authMethod: "user_password",
      credentials: { username: asked.provider_data.username, password: new Secret(asked.provider_data.password) },
      permissions: asked.permissions ?? ["admin"],
      nodeUrl: asked.target_node_url ?? undefined,
    });
    return reply(rootView(key));
  });
  app.delete("/keys/:id", async (context) => {
    const keyId = context.req.param("id");
    const caller = await may(context, onKey("keys:delete", keyId));
    return reply(rootView(await keys.revoke(caller, keys.get(keyId, "root").id)));
  });

  app.get("/keys/clients", async (context) => {
    await may(context, "keys:clients:list");
    return reply((await keys.list("client")).map(clientView));
  });
  app.post("/client-key", async (context) => {
    const caller = await may(context, "keys:create");
    const asked = await body(context, clientRequest);
    const pair = await keys.createClient(caller, {
      contextId: asked.context_id ?? undefined,
      contextIdentity: asked.context_identity ?? undefined,
      permissions: asked.permissions ?? [],
      nodeUrl: asked.target_node_url ?? undefined,
    });
    return tokensReply(pair);
  });
  app.delete("/keys/:id/clients/:client", async (context) => {
    const { id: rootId, client } = context.req.param();
    const caller = await may(context, onKey("keys:clients:delete", rootId));
    const key = keys.get(client, "client");
    if (key.rootId !== rootId) throw new ShoalError("not_found", "there is no such client key of that key");
    const revoked = await keys.revoke(caller, key.id);
    return reply({ message: "Client key revoked successfully", revoked_at: seconds(revoked.revokedAtMs) });
  });

  return app;
}

/** Upstream tells times in whole seconds since the epoch. */
function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.floor(ms / 1000);
}

function rootView(key: AuthKey): object {
  return {
    key_id: key.id,
    public_key: key.publicKey,
    auth_method: key.authMethod,
    name: key.name,
    permissions: key.permissions,
    created_at: seconds(key.createdAtMs),
    revoked_at: seconds(key.revokedAtMs),
    is_valid: key.revokedAtMs === undefined,
  };
}

function clientView(key: AuthKey): object {
  return {
    client_id: key.id,
    root_key_id: key.rootId,
    name: key.name,
    permissions: key.permissions,
    created_at: seconds(key.createdAtMs),
    revoked_at: seconds(key.revokedAtMs),
    is_valid: key.revokedAtMs === undefined,
  };
}
