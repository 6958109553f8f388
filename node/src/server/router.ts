/** Addresses to endpoints, from the registry. What has no endpoint is told so in the API's own words. */
import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { NodeEndpoint } from "@shoal/shared/wire/node/endpoint.ts";
import type { RequestFacts } from "./call.ts";
import type { Front } from "./front.ts";
import type { Road, UntypedHandler } from "./road.ts";
import type { RpcOverHttp } from "./rpc/http.ts";
import type { Tab } from "./tab.ts";

interface Bound {
  Bindings: HttpBindings;
}
type HonoContext = Context<Bound>;

/** What auth's own routes take as a body. */
const AUTH_BODY_BYTES = 256 * 1024;

export function createRouter(init: {
  readonly prefix: string;
  readonly endpoints: readonly NodeEndpoint[];
  readonly handlers: Readonly<Record<string, UntypedHandler>>;
  readonly rpc: RpcOverHttp | undefined;
  readonly authRoutes: Hono | undefined;
  readonly tab: Tab;
  readonly road: Road;
  readonly front: Pick<Front, "requestId" | "routed">;
}): Hono<Bound> {
  const { prefix, endpoints, handlers, rpc, road, front } = init;
  const app = new Hono<Bound>({ strict: false });
  const factsOf = (context: HonoContext): Omit<RequestFacts, "principal"> => ({
    requestId: front.requestId(context.env.incoming),
    request: context.req.raw,
    incoming: context.env.incoming,
    outgoing: context.env.outgoing,
  });
  const serve = (endpoint: NodeEndpoint, context: HonoContext): Promise<Response> => {
    front.routed(context.env.incoming, endpoint.path);
    const handler = handlers[endpoint.id];
    if (handler === undefined) throw new Error(`no handler for ${endpoint.id}`);
    const given = { params: context.req.param(), query: context.req.query(), facts: factsOf(context) };
    return road.serve(endpoint, handler, given);
  };

  if (rpc !== undefined) mountRpc(app, init, rpc);
  for (const [path, ofPath] of Map.groupBy(endpoints, (endpoint) => pathOf(prefix, endpoint))) {
    const head = ofPath.find(({ method }) => method === "HEAD");
    for (const endpoint of ofPath) {
      if (endpoint.method === "HEAD") continue;
      // The framework serves HEAD as GET; where HEAD is an endpoint of its own, no body is fetched for nothing, and a stream
      // has no head without its body.
      app.on(endpoint.method, path, (context) => {
        if (context.env.incoming.method !== "HEAD") return serve(endpoint, context);
        if (endpoint.answer !== "events") return serve(head ?? endpoint, context);
        return road.refuse(takes("GET"), front.requestId(context.env.incoming), { allow: "GET" });
      });
    }
  }
  mountAuth(app, init);
  mountTab(app, init);
  for (const [path, ofPath] of Map.groupBy(endpoints, (endpoint) => pathOf(prefix, endpoint))) {
    const allow = [...new Set(ofPath.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method])))].join(
      ", ",
    );
    app.all(path, ({ env }) => road.refuse(takes(allow), front.requestId(env.incoming), { allow }));
  }
  app.notFound(({ env }) =>
    road.refuse(new ShoalError("not_found", "there is nothing at this address"), front.requestId(env.incoming)),
  );
  app.onError((thrown, { env }) => road.refuse(thrown, front.requestId(env.incoming)));
  return app;
}

type RouterInit = Parameters<typeof createRouter>[0];

function mountRpc(app: Hono<Bound>, { prefix, road, front }: RouterInit, rpc: RpcOverHttp): void {
  for (const path of ["/jsonrpc", "/rpc"]) {
    app.post(prefix + path, async ({ req, env: { incoming } }) => {
      front.routed(incoming, path);
      const requestId = front.requestId(incoming);
      try {
        return await rpc(req.raw, incoming, requestId);
      } catch (thrown) {
        return road.refuse(thrown, requestId);
      }
    });
    app.all(prefix + path, ({ env }) => road.refuse(takes("POST"), front.requestId(env.incoming), { allow: "POST" }));
  }
}

function mountAuth(app: Hono<Bound>, { prefix, authRoutes, road, front }: RouterInit): void {
  if (authRoutes === undefined) return;
  const tooLarge = new ShoalError("payload_too_large", `the body is larger than ${AUTH_BODY_BYTES} bytes`);
  const limit = bodyLimit({
    maxSize: AUTH_BODY_BYTES,
    onError: ({ env }: HonoContext) => road.refuse(tooLarge, front.requestId(env.incoming)),
  });
  for (const family of ["/auth/*", "/admin/*"]) {
    app.use(prefix + family, async (context, next) => {
      front.routed(context.env.incoming, family);
      return limit(context, next);
    });
  }
  app.route(prefix === "" ? "/" : prefix, authRoutes);
}

function mountTab(app: Hono<Bound>, { prefix, tab, road, front }: RouterInit): void {
  for (const path of [`${prefix}/tab`, `${prefix}/tab/:file`]) {
    app.get(path, async ({ req, env, redirect }) => {
      front.routed(env.incoming, "/tab/{file}");
      // What the page loads is beside it: without the slash it would be looked for one folder above.
      if (new URL(req.url).pathname === `${prefix}/tab`) return redirect("tab/");
      const packed = /\bgzip\b/.test(req.header("accept-encoding") ?? "");
      return tab(req.param("file") ?? "", packed);
    });
    app.all(path, ({ env }) => road.refuse(takes("GET, HEAD"), front.requestId(env.incoming), { allow: "GET, HEAD" }));
  }
}

function takes(allow: string): ShoalError {
  return new ShoalError("method_not_allowed", `this address takes ${allow}`);
}

function pathOf(prefix: string, { path }: NodeEndpoint): string {
  return prefix + path.replaceAll(/\{(\w+)\}/g, ":$1");
}
