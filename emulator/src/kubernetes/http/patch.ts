/** PATCH in its four dialects. A patch that names no version is put onto whatever is there. */
import { isFields, keyFor, timeText, type ApiObject, type Fields } from "../object.ts";
import { applied } from "../patches/managers.ts";
import { jsonPatch, mergePatch } from "../patches/merge.ts";
import { strategicMerge } from "../patches/strategic.ts";
import { badRequest, unsupportedMediaType } from "../status.ts";
import { createObject, listsOf, updateObject, type Target } from "../writes.ts";
import { bodyText, flag, mediaType, parsed, type Answer, type Api, type Call } from "./call.ts";
import { objectAnswer, objectOf, writeOptions } from "./objects.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";

export async function patchObject(api: Api, target: Target, call: Call, subresource?: "status"): Promise<Answer> {
  const { kind } = target;
  const type = mediaType(call.request);
  const accepted = [JSON_PATCH, MERGE, ...(kind.schema === undefined ? [] : [STRATEGIC]), APPLY];
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  const body = parsed(await bodyText(call.request), type === APPLY);
  if (type === APPLY) return applyObject(api, target, call, asFields(body), subresource);
  const change = (current: ApiObject): ApiObject =>
    objectOf(kind, target.namespace, changed(type, current, body), call);
  const written = updateObject(api, target, change, { ...writeOptions(call, subresource), patch: true });
  return objectAnswer(api, kind, call, 200, written);
}

function asFields(body: unknown): Fields {
  if (!isFields(body)) throw badRequest("the body of the patch is not an object");
  return body;
}

function changed(type: string, current: Fields, body: unknown): Fields {
  if (type === JSON_PATCH) return jsonPatch(current, body);
  return type === MERGE ? mergePatch(current, asFields(body)) : strategicMerge(current, asFields(body));
}

/** What of a configuration the path can write: the status, or everything else. */
function applicable(target: Target, body: Fields, subresource: "status" | undefined): Fields {
  const whole: Fields = { metadata: { name: target.name }, ...body };
  const { status, ...rest } = whole;
  const apart = target.kind.subResources.some((one) => one.name === "status");
  if (subresource === "status") {
    const { apiVersion = target.kind.apiVersion, kind = target.kind.kind, metadata } = rest;
    return { apiVersion, kind, metadata, status };
  }
  return apart || status === undefined ? rest : { ...rest, status };
}

function applyObject(api: Api, target: Target, call: Call, body: Fields, subresource?: "status"): Answer {
  const { kind, namespace, name } = target;
  const manager = call.query.get("fieldManager") ?? "";
  if (manager === "")
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  const config = objectOf(kind, namespace, applicable(target, body, subresource), call);
  if (config.metadata.name !== name)
    throw badRequest(`the name of the object (${config.metadata.name}) does not match the name on the URL (${name})`);
  if (config.metadata.managedFields !== undefined) throw badRequest("metadata.managedFields must be nil");
  const time = timeText(api.clock.now());
  const by = { name: manager, time, ...(subresource === undefined ? {} : { subresource }) };
  const options = { manager: by, force: flag(call.query, "force"), lists: listsOf(kind) };
  const write = { ...writeOptions(call, subresource), ownersGiven: true, patch: true };
  const known = api.store.get(kind.plural, keyFor(namespace, name));
  if (known === undefined && subresource === undefined) {
    const bare: ApiObject = { kind: kind.kind, apiVersion: kind.apiVersion, metadata: { name } };
    const made = createObject(api, kind, namespace, applied(bare, config, options), write);
    return objectAnswer(api, kind, call, 201, made);
  }
  const written = updateObject(api, target, (current) => applied(current, config, options), write);
  return objectAnswer(api, kind, call, 200, written);
}
