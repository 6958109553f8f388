/** The verbs on one object and on a collection, from the query to the answer. */
import { deleteObject, type DeleteOptions } from "../deletes.ts";
import type { Kind } from "../kinds.ts";
import { giveDefaultAccount } from "../namespaces.ts";
import { isFields, type ApiObject, type Fields, type ObjectMeta } from "../object.ts";
import { checkTypes } from "../schema/check.ts";
import { ApiFailure, badRequest, notFound, type Subject } from "../status.ts";
import type { Stored } from "../store.ts";
import { tableOf } from "../tables/table.ts";
import { createObject, stored, updateObject, type Target, type WriteOptions } from "../writes.ts";
import { formOf } from "./accept.ts";
import { bodyObject, isDryRun, managerOf, wholeNumber, type Answer, type Api, type Call } from "./call.ts";
import { metadataText, selection, type Collection } from "./list.ts";

/** The object, its metadata or its row, as the caller likes it. */
export function objectAnswer(api: Api, kind: Kind, call: Call, code: number, one: Stored): Answer {
  const form = formOf(call.request);
  if (form === "metadata") return { code, text: metadataText(one) };
  if (form === "object") return { code, text: `${one.text}\n` };
  const table = tableOf(kind, [one.object], api.clock.now(), call.query.get("includeObject"));
  return { code, text: JSON.stringify({ ...table, metadata: { resourceVersion: String(one.revision) } }) };
}

export function getObject(api: Api, target: Target, call: Call): Answer {
  const { kind, namespace, name } = target;
  const { items } = api.faults.view(api.store, kind.plural);
  const isIt = (one: Stored): boolean =>
    one.object.metadata.name === name && one.object.metadata.namespace === namespace;
  // Only stale reads look through a list: it is a copy of what was true.
  const found = api.faults.readsStale ? items.find(isIt) : stored(api, target);
  if (found === undefined) throw notFound(kind, name);
  return objectAnswer(api, kind, call, 200, found);
}

export function writeOptions(call: Call, subresource?: "status"): WriteOptions {
  return { manager: managerOf(call), subresource, dryRun: isDryRun(call) };
}

export async function createInCollection(api: Api, { kind, namespace }: Collection, call: Call): Promise<Answer> {
  if (kind.namespaced && namespace === undefined) throw badRequest("an empty namespace may not be set during creation");
  const object = objectOf(kind, namespace, await bodyObject(call.request), call);
  const made = createObject(api, kind, namespace, object, writeOptions(call));
  if (kind.kind === "Namespace" && !isDryRun(call)) giveDefaultAccount(api, made.object.metadata.name);
  return objectAnswer(api, kind, call, 201, made);
}

export async function replaceObject(api: Api, target: Target, call: Call, subresource?: "status"): Promise<Answer> {
  const { kind, namespace, name } = target;
  const object = objectOf(kind, namespace, await bodyObject(call.request), call);
  if (object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
  const written = updateObject(api, target, () => object, writeOptions(call, subresource));
  return objectAnswer(api, kind, call, 200, written);
}

/** A body as an object of the kind that the path names; the two must agree. */
export function objectOf(kind: Kind, namespace: string | undefined, body: Fields, call: Call): ApiObject {
  const { apiVersion = kind.apiVersion, kind: word = kind.kind, metadata = {} } = body;
  if (apiVersion !== kind.apiVersion) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${kind.apiVersion})`,
    );
  }
  if (word !== kind.kind)
    throw badRequest(`the kind in the data (${String(word)}) does not match the expected kind (${kind.kind})`);
  if (!isFields(metadata)) throw badRequest("metadata: an object is expected");
  const object = { ...body, kind: kind.kind, apiVersion: kind.apiVersion, metadata: { ...metadata } };
  call.warnings.push(...checkTypes(kind, object, call.query.get("fieldValidation")));
  const checked = object as unknown as ApiObject;
  const meta = checked.metadata as Partial<ObjectMeta>;
  if ((meta.namespace ?? "") !== "" && meta.namespace !== namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  }
  checked.metadata.name = meta.name ?? "";
  if (namespace === undefined) delete checked.metadata.namespace;
  else checked.metadata.namespace = namespace;
  return checked;
}

const POLICIES = ["Background", "Foreground", "Orphan"] as const;

/** From the body, or from the query where there is none. */
export async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const body = await bodyObject(call.request, true);
  return deleteOptionsOf(body, call);
}

export function deleteOptionsOf(body: Fields, call: Call): DeleteOptions {
  const policy = body["propagationPolicy"] ?? call.query.get("propagationPolicy") ?? undefined;
  const known = POLICIES.find((one) => one === policy);
  if (policy !== undefined && known === undefined) {
    throw badRequest(
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: ${POLICIES.join(", ")}`,
    );
  }
  const grace = body["gracePeriodSeconds"] ?? wholeNumber(call.query, "gracePeriodSeconds");
  if (grace !== undefined && grace !== null && !Number.isSafeInteger(grace)) {
    throw badRequest(`gracePeriodSeconds: Invalid value: ${JSON.stringify(grace)}: a whole number is expected`);
  }
  const { uid, resourceVersion } = isFields(body["preconditions"]) ? body["preconditions"] : {};
  const dryRun = isDryRun(call) || (Array.isArray(body["dryRun"]) && body["dryRun"].includes("All"));
  return {
    ...(typeof grace === "number" ? { gracePeriodSeconds: grace } : {}),
    ...(known === undefined ? {} : { propagationPolicy: known }),
    preconditions: {
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
    },
    dryRun,
  };
}

/** Kinds whose last state is the answer even when it is gone. */
const SHOWN_WHEN_GONE = new Set(["Pod", "ServiceAccount"]);

export async function removeObject(api: Api, target: Target, call: Call): Promise<Answer> {
  const { kind, name } = target;
  const deleted = deleteObject(api, target, await deleteOptions(call));
  if (!deleted.gone || SHOWN_WHEN_GONE.has(kind.kind)) return objectAnswer(api, kind, call, 200, deleted.stored);
  return { code: 200, text: JSON.stringify(deletedStatus(kind, name, deleted.stored.object.metadata.uid)) };
}

function deletedStatus(kind: Subject, name: string, uid: string | undefined): object {
  const details = { name, ...(kind.group === "" ? {} : { group: kind.group }), kind: kind.plural, uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

/** Everything that the query selects, one by one; what somebody else removed meanwhile is removed. */
export async function removeCollection(api: Api, collection: Collection, call: Call): Promise<Answer> {
  const { kind } = collection;
  if (kind.namespaced && collection.namespace === undefined) {
    throw new ApiFailure(
      405,
      "MethodNotAllowed",
      "the server does not allow this method on the requested resource",
      {},
    );
  }
  const matches = selection(collection, call.query);
  const options = await deleteOptions(call);
  const chosen = api.store.list(kind.plural).filter((one) => matches(one.object));
  for (const { object } of chosen) {
    deleteObject(api, { kind, namespace: collection.namespace, name: object.metadata.name }, options);
  }
  const metadata = { resourceVersion: String(api.store.revision) };
  return {
    code: 200,
    text: JSON.stringify({
      kind: `${kind.kind}List`,
      apiVersion: kind.apiVersion,
      metadata,
      items: chosen.map((one) => one.object),
    }),
  };
}
