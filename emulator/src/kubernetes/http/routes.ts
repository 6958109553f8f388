/** From method and path to the handler. A path that means nothing is a 404, a method that it does not have a 405. */
import type { ServerResponse } from "node:http";
import { kindAt, type Kind } from "../kinds.ts";
import { ApiFailure, methodNotAllowed, noSuchPath } from "../status.ts";
import type { Target } from "../writes.ts";
import { bindPod } from "../pods/binding.ts";
import { evictPod } from "../pods/eviction.ts";
import { streamLog } from "../pods/logs.ts";
import { flag, json, type Answer, type Api, type Call } from "./call.ts";
import { coreVersions, groupList, groupNamed, resourceList, VERSION } from "./discovery.ts";
import { finalizeNamespace } from "./finalize.ts";
import { listCollection, type Collection } from "./list.ts";
import { createInCollection, getObject, removeCollection, removeObject, replaceObject } from "./objects.ts";
import { openApiIndex, openApiOf } from "./openapi.ts";
import { patchObject } from "./patch.ts";
import { isReview, mayDoAnything, requestToken, review } from "./reviews.ts";
import { watchCollection } from "./watch.ts";

/** What a path names below its group and version. */
interface ResourcePath {
  readonly collection: Collection;
  readonly name?: string;
  readonly subresource?: string;
}

/** Undefined where the handler has answered for itself. */
export async function route(api: Api, call: Call, response: ServerResponse): Promise<Answer | undefined> {
  const open = call.method === "GET" ? aboutTheServer(call) : undefined;
  if (open !== undefined) return open;
  const below = call.path.replace(/^\/apis\//, "");
  if (call.method === "POST" && isReview(below)) return review(api, call, below);
  const found = resourcePath(call.path);
  if (found === undefined) throw noSuchPath();
  authorize(call, found.collection.kind);
  if (found.name === undefined) return onCollection(api, call, found.collection, response);
  const target: Target = { ...found.collection, name: found.name };
  if (found.subresource === undefined) return onObject(api, call, target, response);
  return onSubresource(api, call, target, found.subresource, response);
}

function aboutTheServer(call: Call): Answer | undefined {
  const { path, request } = call;
  if (/^\/(healthz|livez|readyz)(\/.*)?$/.test(path))
    return { code: 200, text: "ok", type: "text/plain; charset=utf-8" };
  if (path === "/version") return json(200, VERSION);
  if (path === "/api") return coreVersions(request);
  if (path === "/apis") return groupList(request);
  if (path === "/openapi/v3") return openApiIndex();
  const document = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  if (document !== undefined) return openApiOf(document);
  const version = /^\/api\/([^/]+)\/?$/.exec(path)?.[1] ?? /^\/apis\/([^/]+\/[^/]+)\/?$/.exec(path)?.[1];
  if (version !== undefined) return resourceList(version);
  const group = /^\/apis\/([^/]+)\/?$/.exec(path)?.[1];
  return group === undefined ? undefined : groupNamed(group);
}

const SUBRESOURCES_OF_NAMESPACES = new Set(["status", "finalize"]);

export function resourcePath(path: string): ResourcePath | undefined {
  const match = /^\/(?:api\/([^/]+)|apis\/([^/]+\/[^/]+))\/(.+)$/.exec(path);
  const apiVersion = match?.[1] ?? match?.[2];
  if (match === null || apiVersion === undefined) return undefined;
  const parts = (match[3] ?? "").split("/").map(decodeURIComponent);
  const scoped = parts[0] === "namespaces" && parts.length > 2 && !SUBRESOURCES_OF_NAMESPACES.has(parts[2] ?? "");
  const namespace = scoped ? parts[1] : undefined;
  const [plural = "", name, subresource, ...more] = scoped ? parts.slice(2) : parts;
  const kind = kindAt(apiVersion, plural);
  if (kind === undefined || more.length > 0 || parts.includes("")) return undefined;
  if (scoped !== kind.namespaced && (scoped || name !== undefined)) return undefined;
  return {
    collection: { kind, namespace },
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

const VERB: Readonly<Record<string, string>> = {
  GET: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

export function authorize(call: Call, kind: Kind): void {
  if (mayDoAnything(call.user)) return;
  const what = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  const verb = VERB[call.method] ?? call.method;
  const message = `${what} is forbidden: User "${call.user.username}" cannot ${verb} resource "${kind.plural}" in API group "${kind.group}"`;
  throw new ApiFailure(403, "Forbidden", message, { kind: kind.plural });
}

async function onCollection(
  api: Api,
  call: Call,
  collection: Collection,
  response: ServerResponse,
): Promise<Answer | undefined> {
  switch (call.method) {
    case "GET":
      if (flag(call.query, "watch")) return watchCollection(api, collection, call, response);
      await api.faults.beforeList();
      return listCollection(api, collection, call);
    case "POST":
      return createInCollection(api, collection, call);
    case "DELETE":
      return removeCollection(api, collection, call);
    default:
      throw methodNotAllowed();
  }
}

async function onObject(api: Api, call: Call, target: Target, response: ServerResponse): Promise<Answer | undefined> {
  switch (call.method) {
    case "GET":
      if (!flag(call.query, "watch")) return getObject(api, target, call);
      call.query.set("fieldSelector", `metadata.name=${target.name}`);
      return watchCollection(api, target, call, response);
    case "PUT":
      return replaceObject(api, target, call);
    case "PATCH":
      return patchObject(api, target, call);
    case "DELETE":
      return removeObject(api, target, call);
    default:
      throw methodNotAllowed();
  }
}

type SubHandler = (api: Api, target: Target, call: Call, response: ServerResponse) => Promise<Answer | undefined>;

const SUB_HANDLERS: Readonly<Record<string, SubHandler>> = {
  "GET status": async (api, target, call) => getObject(api, target, call),
  "PUT status": async (api, target, call) => replaceObject(api, target, call, "status"),
  "PATCH status": async (api, target, call) => patchObject(api, target, call, "status"),
  "GET log": async (api, target, call, response) => streamLog(api, target, call, response),
  "POST binding": bindPod,
  "POST eviction": evictPod,
  "POST token": requestToken,
  "PUT finalize": finalizeNamespace,
};

async function onSubresource(
  api: Api,
  call: Call,
  target: Target,
  name: string,
  response: ServerResponse,
): Promise<Answer | undefined> {
  if (!target.kind.subResources.some((one) => one.name === name)) throw noSuchPath();
  const handler = SUB_HANDLERS[`${call.method} ${name}`];
  if (handler === undefined) throw methodNotAllowed();
  return handler(api, target, call, response);
}
