/** `edge`: no routes yet. What is asked for is told that it does not exist, in the API's own words. */
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { makeId } from "@shoal/shared/base/ids.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { parseConfig, type Env } from "../config.ts";
import { keepBodiesRaw } from "../raw-body.ts";

export async function wireEdge(env: Env): Promise<ReturnType<typeof getRequestListener>> {
  parseConfig(env, ["runtime"]);
  keepBodiesRaw("/api/");
  const app = new Hono();
  app.all("*", (context) => {
    const requestId = makeId<string>("request", systemRandom);
    return context.json({ error: { code: "not_found", message: "there is nothing at this address", requestId } }, 404);
  });
  return getRequestListener(app.fetch, { overrideGlobalObjects: false });
}
