/** Lists: selected, in pages over one snapshot, as objects, metadata or a table. */
import type { Kind } from "../kinds.ts";
import { ApiFailure, badRequest, expired, invalid } from "../status.ts";
import type { Stored } from "../store.ts";
import { bothOf, fieldSelector, labelSelector, type Matches } from "../selectors.ts";
import { tableOf } from "../tables/table.ts";
import { formOf } from "./accept.ts";
import { wholeNumber, type Answer, type Api, type Call } from "./call.ts";
import type { Snapshot } from "./pages.ts";

export interface Collection {
  readonly kind: Kind;
  readonly namespace: string | undefined;
}

/** What of a collection the query selects. */
export function selection(collection: Collection, query: URLSearchParams): Matches {
  const fields = ["metadata.name", "metadata.namespace", ...collection.kind.rules.selectable];
  const selected = bothOf(labelSelector(query.get("labelSelector")), fieldSelector(query.get("fieldSelector"), fields));
  const { namespace } = collection;
  return namespace === undefined ? selected : bothOf((object) => object.metadata.namespace === namespace, selected);
}

export function listCollection(api: Api, collection: Collection, call: Call): Answer {
  const { kind } = collection;
  const limit = wholeNumber(call.query, "limit") ?? 0;
  const token = call.query.get("continue") ?? "";
  const opened = token === "" ? undefined : api.pages.open(token);
  const snapshot = opened?.snapshot ?? freshSnapshot(api, collection, call);
  const from = opened?.from ?? 0;
  const end = limit === 0 ? snapshot.items.length : Math.min(snapshot.items.length, from + limit);
  const page = snapshot.items.slice(from, end);
  const left = snapshot.items.length - end;
  const selective = (call.query.get("labelSelector") ?? "") !== "" || (call.query.get("fieldSelector") ?? "") !== "";
  const metadata = {
    resourceVersion: String(snapshot.revision),
    ...(left > 0 ? { continue: api.pages.keep(snapshot, end, opened?.id) } : {}),
    ...(left > 0 && !selective ? { remainingItemCount: left } : {}),
  };
  const form = formOf(call.request);
  if (form === "table") {
    const table = tableOf(
      kind,
      page.map((one) => one.object),
      api.clock.now(),
      call.query.get("includeObject"),
    );
    return { code: 200, text: JSON.stringify({ ...table, metadata }) };
  }
  if (form === "metadata") {
    const items = page.map(metadataText);
    return listText("PartialObjectMetadataList", "meta.k8s.io/v1", metadata, items);
  }
  return listText(
    `${kind.kind}List`,
    kind.apiVersion,
    metadata,
    page.map((one) => itemText(kind, one)),
  );
}

function freshSnapshot(api: Api, collection: Collection, call: Call): Snapshot {
  const asked = askedRevision(collection, call);
  const { revision, items } = api.faults.view(api.store, collection.kind.plural);
  if (asked > revision) throw tooLarge(asked, revision);
  const exact =
    call.query.get("resourceVersionMatch") === "Exact" ||
    (call.query.get("resourceVersionMatch") === null && call.query.has("limit"));
  if (asked !== 0 && exact && asked !== revision) {
    throw expired("The provided resource version is no longer kept. You must start a new list without it.");
  }
  const matches = selection(collection, call.query);
  return { revision, items: items.filter((one) => matches(one.object)) };
}

function askedRevision(collection: Collection, call: Call): number {
  const text = call.query.get("resourceVersion") ?? "";
  const match = call.query.get("resourceVersionMatch") ?? "";
  if (
    match !== "" &&
    (text === "" || !["Exact", "NotOlderThan"].includes(match) || (match === "Exact" && text === "0"))
  ) {
    const message =
      "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, and Exact needs one that is not 0";
    throw invalid(collection.kind, "", [{ reason: "FieldValueForbidden", message, field: "resourceVersionMatch" }]);
  }
  return revisionOf(text);
}

/** A resourceVersion of a query; "" and "0" are 0. */
export function revisionOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: invalid resource version`);
  return Number(text);
}

function tooLarge(asked: number, current: number): ApiFailure {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  return new ApiFailure(504, "Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

function listText(kind: string, apiVersion: string, metadata: object, items: readonly string[]): Answer {
  const head = JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1);
  return { code: 200, text: `${head},"items":[${items.join(",")}]}\n` };
}

/** Lists of built-in kinds name the kind once; custom resources name it in every item. */
function itemText(kind: Kind, stored: Stored): string {
  if (kind.schema === undefined) return stored.text;
  return `{${stored.text.slice(`{"kind":"${kind.kind}","apiVersion":"${kind.apiVersion}",`.length)}`;
}

export function metadataText(stored: Stored): string {
  const { metadata } = stored.object;
  return JSON.stringify({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata });
}
