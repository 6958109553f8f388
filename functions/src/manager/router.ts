/** Addresses to endpoints, from the registry. What has no endpoint is told so in the API's own words. */
import { Hono, type Context } from "hono";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { ENDPOINT_LIST, type EndpointId } from "@shoal/shared/wire/endpoints/index.ts";
import type { Handlers } from "./call.ts";
import type { ManagerLimits } from "./limits.ts";
import { factsOf } from "./road/facts.ts";
import type { Road, UntypedHandler } from "./road/serve.ts";

export function createRouter(init: {
  readonly handlers: Handlers;
  readonly road: Road;
  readonly random: Random;
  readonly limits: ManagerLimits;
}): Hono {
  const { road, handlers } = init;
  const app = new Hono();
  const facts = (context: Context): ReturnType<typeof factsOf> =>
    factsOf(context, init.random, init.limits.trustedProxies);

  const methods = new Map<string, string[]>();
  for (const endpoint of ENDPOINT_LIST) {
    const path = endpoint.path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
    methods.set(path, [...(methods.get(path) ?? []), endpoint.method]);
    // The endpoint's schemas say at run time what the handler's types say at compile time.
    const handler = handlers[endpoint.id as EndpointId] as unknown as UntypedHandler;
    app.on(endpoint.method, path, (context) => road.serve(facts(context), endpoint, context.req.param(), handler));
  }
  for (const [path, allowed] of methods) {
    const allow = [...(allowed.includes("GET") ? ["HEAD"] : []), ...allowed].join(", ");
    const refusal = new ShoalError("method_not_allowed", `this address takes ${allow}`);
    app.all(path, (context) => road.refuse(facts(context), refusal, { Allow: allow }));
  }
  app.notFound((context) =>
    road.refuse(facts(context), new ShoalError("not_found", "there is nothing at this address")),
  );
  app.onError((thrown, context) => road.refuse(facts(context), thrown));
  return app;
}
