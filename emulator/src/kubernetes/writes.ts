/**
 * What a write means: identity, versions, preconditions, the line between an object and its status, finalizers and grace.
 * Synchronous from the check to the change, over the store. Relies on the rules of each kind in `rules/`.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { isFields, keyFor, sameJson, timeText, type ApiObject, type ObjectMeta } from "./object.ts";
import type { Kind } from "./kinds.ts";
import { BUILT_IN_LISTS, CUSTOM_LISTS, type ListKeys } from "./patches/list-keys.ts";
import { ownersAfterUpdate } from "./patches/managers.ts";
import { metadataFaults } from "./rules/names.ts";
import { immutable } from "./rules/rules.ts";
import { alreadyExists, badRequest, conflict, forbidden, invalid, MODIFIED, notFound } from "./status.ts";
import type { Store, Stored } from "./store.ts";

export interface WriteContext {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
}

export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
}

export interface WriteOptions {
  readonly manager: string;
  readonly subresource?: "status" | undefined;
  readonly dryRun?: boolean;
  /** The change comes with its own owners (server-side apply). */
  readonly ownersGiven?: boolean;
  /** A replace that names another uid is a conflict; a patch that does is invalid. */
  readonly patch?: boolean;
  /** The server's own change, which may touch what callers may not: a binding. */
  readonly whole?: boolean;
}

export function listsOf(kind: Kind): ListKeys {
  return kind.schema === undefined ? CUSTOM_LISTS : BUILT_IN_LISTS;
}

/** Where the object is stored; a missing one is a 404. */
export function stored(context: WriteContext, target: Target): Stored {
  const found = context.store.get(target.kind.plural, keyFor(target.namespace, target.name));
  if (found === undefined) throw notFound(target.kind, target.name);
  return found;
}

const SUFFIX = "bcdfghjklmnpqrstvwxz2456789";
const LONGEST_GENERATED_BASE = 58;

function generatedName(base: string): string {
  const letters = [...randomBytes(5)].map((byte) => SUFFIX[byte % SUFFIX.length]);
  return base.slice(0, LONGEST_GENERATED_BASE) + letters.join("");
}

export function createObject(
  context: WriteContext,
  kind: Kind,
  namespace: string | undefined,
  given: ApiObject,
  options: WriteOptions,
): Stored {
  const { store } = context;
  const now = timeText(context.clock.now());
  if ((given.metadata.resourceVersion ?? "") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  const object = structuredClone(given);
  const { generateName } = object.metadata;
  const name = object.metadata.name || (generateName === undefined ? "" : generatedName(generateName));
  object.metadata = {
    ...namedFirst(object.metadata, name, namespace),
    uid: randomUUID(),
    creationTimestamp: now,
  };
  for (const field of ["deletionTimestamp", "deletionGracePeriodSeconds", "generation"] as const)
    delete object.metadata[field];
  delete object.metadata.resourceVersion;
  if (kind.subResources.some((one) => one.name === "status")) delete object["status"];
  kind.rules.defaults?.(object);
  kind.rules.created?.(object);
  if (kind.rules.generationOf !== undefined) object.metadata.generation = 1;
  refuseFaults(kind, object, kind.rules.faults?.(object) ?? []);
  if (namespace !== undefined) refuseBadNamespace(store, kind, namespace, name);
  if (store.get(kind.plural, keyFor(namespace, name)) !== undefined) throw alreadyExists(kind, name);
  if (options.ownersGiven !== true) {
    delete object.metadata.managedFields;
    own(object, ownersAfterUpdate(undefined, object, { name: options.manager, time: now }, listsOf(kind)));
  }
  return options.dryRun === true ? unsaved(object) : store.put(kind.plural, object);
}

function namedFirst(metadata: ObjectMeta, name: string, namespace: string | undefined): ObjectMeta {
  const { name: _name, namespace: _namespace, ...rest } = metadata;
  return { name, ...(namespace === undefined ? {} : { namespace }), ...rest };
}

function own(object: ApiObject, owners: ObjectMeta["managedFields"]): void {
  if (owners === undefined || owners.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = owners;
}

function refuseFaults(kind: Kind, object: ApiObject, faults: Parameters<typeof invalid>[2]): void {
  const all = [...metadataFaults(object), ...faults];
  if (all.length > 0) throw invalid(kind, object.metadata.name, all);
}

function refuseBadNamespace(store: Store, kind: Kind, namespace: string, name: string): void {
  const found = store.get("namespaces", namespace);
  if (found === undefined) throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespace);
  if (found.object.metadata.deletionTimestamp === undefined) return;
  const message = `namespace ${namespace} is being terminated`;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(kind, name, why, [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }]);
}

function unsaved(object: ApiObject): Stored {
  return { object, text: JSON.stringify(object), revision: 0 };
}

/** Changes one object. `change` gets a copy of the stored one and says what is to be there. */
export function updateObject(
  context: WriteContext,
  target: Target,
  change: (current: ApiObject) => ApiObject,
  options: WriteOptions,
): Stored {
  const { kind } = target;
  const before = stored(context, target);
  const asked = change(structuredClone(before.object));
  refuseStale(target, before.object, asked, options);
  const next = options.whole === true ? asked : partOf(kind, options.subresource, before.object, asked);
  keepIdentity(target, before.object, next);
  if (options.subresource !== "status") {
    kind.rules.defaults?.(next);
    refuseFaults(kind, next, [
      ...newFinalizerFaults(before.object, next),
      ...(kind.rules.faults?.(next) ?? []),
      ...(options.whole === true ? [] : (kind.rules.updateFaults?.(next, before.object) ?? [])),
    ]);
    moveGeneration(kind, before.object, next);
  }
  const time = timeText(context.clock.now());
  if (options.ownersGiven !== true) {
    const { manager: name, subresource } = options;
    const forgets = asked.metadata.managedFields?.length === 0;
    const previous = forgets ? withoutOwners(before.object) : before.object;
    own(
      next,
      ownersAfterUpdate(
        previous,
        next,
        { name, time, ...(subresource === undefined ? {} : { subresource }) },
        listsOf(kind),
      ),
    );
  }
  if (options.dryRun === true) return unsaved(next);
  if (isFreed(next)) return context.store.remove(kind.plural, keyFor(target.namespace, target.name)) ?? before;
  // A write that changes nothing is no write: its version stays.
  return sameJson(next, before.object) ? before : context.store.put(kind.plural, next);
}

function withoutOwners(object: ApiObject): ApiObject {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function refuseStale(target: Target, before: ApiObject, asked: ApiObject, options: WriteOptions): void {
  const { kind, name } = target;
  const { uid, resourceVersion = "" } = asked.metadata;
  if (uid !== undefined && uid !== before.metadata.uid) {
    if (options.patch === true) throw invalid(kind, name, immutable("metadata.uid", uid, before.metadata.uid));
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
    );
  }
  if (resourceVersion === "" && !UNCONDITIONAL.has(kind.kind)) {
    const message = "Invalid value: 0x0: must be specified for an update";
    throw invalid(kind, name, [{ reason: "FieldValueInvalid", message, field: "metadata.resourceVersion" }]);
  }
  if (resourceVersion !== "" && resourceVersion !== before.metadata.resourceVersion)
    throw conflict(kind, name, MODIFIED);
}

/** Kinds that may be replaced by somebody who does not say which version was read. */
const UNCONDITIONAL = new Set([
  "Pod",
  "Node",
  "Namespace",
  "ConfigMap",
  "Secret",
  "ServiceAccount",
  "Event",
  "DaemonSet",
]);

/** An object and its status are written apart: what belongs to the other is left as it was. */
function partOf(kind: Kind, subresource: WriteOptions["subresource"], before: ApiObject, asked: ApiObject): ApiObject {
  return subresource === "status" ? onlyStatus(kind, before, asked) : exceptStatus(kind, before, asked);
}

function onlyStatus(kind: Kind, before: ApiObject, asked: ApiObject): ApiObject {
  const { labels, annotations } = asked.metadata;
  const carried = kind.rules.statusCarriesLabels ? { labels, annotations } : {};
  const metadata = { ...before.metadata, ...carried };
  if (metadata.labels === undefined) delete metadata.labels;
  if (metadata.annotations === undefined) delete metadata.annotations;
  const next: ApiObject = { ...before, metadata: metadata as ObjectMeta };
  if (asked["status"] === undefined) delete next["status"];
  else next["status"] = asked["status"];
  return next;
}

function exceptStatus(kind: Kind, before: ApiObject, asked: ApiObject): ApiObject {
  const next: ApiObject = { ...asked };
  if (!kind.subResources.some((one) => one.name === "status")) return next;
  if (before["status"] === undefined) delete next["status"];
  else next["status"] = before["status"];
  return next;
}

const KEPT = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "generateName",
] as const;

function keepIdentity(target: Target, before: ApiObject, next: ApiObject): void {
  if (next.metadata.name !== target.name) {
    const at = [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${JSON.stringify(next.metadata.name)}: field is immutable`,
        field: "metadata.name",
      },
    ];
    throw invalid(target.kind, target.name, at);
  }
  const metadata: Record<string, unknown> = { ...namedFirst(next.metadata, target.name, target.namespace) };
  for (const field of KEPT) {
    if (before.metadata[field] === undefined) delete metadata[field];
    else metadata[field] = before.metadata[field];
  }
  metadata["resourceVersion"] = before.metadata.resourceVersion;
  for (const field of ["labels", "annotations", "finalizers", "ownerReferences"]) {
    const value = metadata[field];
    const empty = Array.isArray(value) ? value.length === 0 : isFields(value) && Object.keys(value).length === 0;
    if (value === null || empty) delete metadata[field];
  }
  next.metadata = metadata as unknown as ObjectMeta;
}

function newFinalizerFaults(before: ApiObject, next: ApiObject): Parameters<typeof invalid>[2] {
  if (before.metadata.deletionTimestamp === undefined) return [];
  const known = before.metadata.finalizers ?? [];
  const added = (next.metadata.finalizers ?? []).filter((one) => !known.includes(one));
  if (added.length === 0) return [];
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [{ reason: "FieldValueForbidden", message, field: "metadata.finalizers" }];
}

function moveGeneration(kind: Kind, before: ApiObject, next: ApiObject): void {
  const of = kind.rules.generationOf;
  if (of === undefined || sameJson(of(before), of(next))) return;
  next.metadata.generation = (before.metadata.generation ?? 0) + 1;
}

/** It was told to go, nobody holds it any more, and its grace is over. */
export function isFreed(object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0) return false;
  const held = isFields(object["spec"]) ? object["spec"]["finalizers"] : undefined;
  return object.kind !== "Namespace" || !Array.isArray(held) || held.length === 0;
}
