/**
 * Who owns which fields. A plain write takes what it changes away from everybody else; an apply may only change what others
 * do not own, unless it forces, and gives up what its configuration no longer names. Pure.
 */
import { isFields, sameJson, type ApiObject, type Fields, type ManagedFieldsEntry } from "../object.ts";
import { ApiFailure } from "../status.ts";
import {
  common,
  difference,
  fieldsOf,
  isEmpty,
  NO_FIELDS,
  ownable,
  pathsOf,
  stepsOf,
  union,
  without,
  type FieldSet,
} from "./field-set.ts";
import type { ListKeys } from "./list-keys.ts";

export interface Manager {
  readonly name: string;
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time: string;
}

function isBy(entry: ManagedFieldsEntry, manager: Manager, operation: "Apply" | "Update"): boolean {
  return entry.manager === manager.name && entry.operation === operation && entry.subresource === manager.subresource;
}

function setOf(entry: ManagedFieldsEntry | undefined): FieldSet {
  return (entry?.fieldsV1 ?? NO_FIELDS) as FieldSet;
}

function entryOf(
  manager: Manager,
  operation: "Apply" | "Update",
  apiVersion: string,
  set: FieldSet,
): ManagedFieldsEntry {
  return {
    manager: manager.name,
    operation,
    apiVersion,
    time: manager.time,
    fieldsType: "FieldsV1",
    fieldsV1: set,
    ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
  };
}

/** The owners after a plain write that made `next` of `before`. */
export function ownersAfterUpdate(
  before: ApiObject | undefined,
  next: ApiObject,
  manager: Manager,
  lists: ListKeys,
): ManagedFieldsEntry[] {
  const entries = before?.metadata.managedFields ?? [];
  const { changed = NO_FIELDS, removed = NO_FIELDS } = difference(ownable(before ?? {}), ownable(next), lists);
  if (isEmpty(changed) && isEmpty(removed)) return entries;
  const touched = union(changed, removed);
  const others = entries
    .filter((entry) => !isBy(entry, manager, "Update"))
    .map((entry) => ({ ...entry, fieldsV1: without(setOf(entry), touched) as Fields }));
  const known = setOf(entries.find((entry) => isBy(entry, manager, "Update")));
  const mine = without(union(known, changed), removed);
  return [...others, entryOf(manager, "Update", next.apiVersion, mine)].filter((entry) => !isEmpty(setOf(entry)));
}

/** The object that an apply makes of the live one, with its owners; throws the conflict where others own what it changes. */
export function applied(
  live: ApiObject,
  config: ApiObject,
  options: { readonly manager: Manager; readonly force: boolean; readonly lists: ListKeys },
): ApiObject {
  const { manager, lists } = options;
  const entries = live.metadata.managedFields ?? [];
  const { managedFields: _managed, ...metadata } = config.metadata;
  const wanted = fieldsOf({ ...config, metadata }, lists);
  const others = entries.filter((entry) => !isBy(entry, manager, "Apply"));
  const merged = mergeInto("", live, { ...config, metadata }, lists) as ApiObject;
  const { changed = NO_FIELDS } = difference(ownable(live), ownable(merged), lists);
  const taken = common(changed, wanted);
  if (!options.force) refuseConflicts(others, taken);
  const kept = others
    .map((entry) => ({ ...entry, fieldsV1: without(setOf(entry), taken) as Fields }))
    .filter((entry) => !isEmpty(setOf(entry)));
  const before = setOf(entries.find((entry) => isBy(entry, manager, "Apply")));
  const owned = kept.map(setOf).reduce(union, NO_FIELDS);
  const dropped = without(without(before, wanted), owned);
  const result = removed("", merged, dropped, union(wanted, owned), lists) as ApiObject;
  const same = sameJson(before, wanted) && sameJson(ownable(live), ownable(result));
  result.metadata = {
    ...result.metadata,
    managedFields: same ? entries : [...kept, entryOf(manager, "Apply", live.apiVersion, wanted)],
  };
  return result;
}

function refuseConflicts(others: readonly ManagedFieldsEntry[], taken: FieldSet): void {
  const conflicts = others.flatMap((entry) =>
    pathsOf(common(setOf(entry), taken)).map((field) => ({
      field,
      who: `conflict with "${entry.manager}"${entry.subresource === undefined ? "" : ` with subresource "${entry.subresource}"`} using ${entry.apiVersion}`,
    })),
  );
  if (conflicts.length === 0) return;
  const [first] = conflicts;
  const said =
    conflicts.length === 1
      ? `Apply failed with 1 conflict: ${first?.who}: ${first?.field}`
      : `Apply failed with ${conflicts.length} conflicts: ${conflicts.map(({ who, field }) => `${who}: ${field}`).join("\n")}`;
  const causes = conflicts.map(({ who, field }) => ({ reason: "FieldManagerConflict", message: who, field }));
  throw new ApiFailure(409, "Conflict", said, { causes });
}

function mergeInto(field: string, live: unknown, config: unknown, lists: ListKeys): unknown {
  if (isFields(live) && isFields(config)) {
    const result: Fields = { ...live };
    for (const [key, value] of Object.entries(config)) {
      if (value !== null) result[key] = mergeInto(key, live[key], value, lists);
    }
    return result;
  }
  const wanted = Array.isArray(config) ? stepsOf(field, config, lists) : undefined;
  const present = Array.isArray(live) ? stepsOf(field, live, lists) : undefined;
  if (wanted === undefined || present === undefined) return config;
  const result = new Map(present);
  for (const [step, item] of wanted) result.set(step, mergeInto("", present.get(step), item, lists));
  return [...result.values()];
}

/** Takes the fields of `dropped` out; an item or object that nobody names any more goes whole. */
function removed(field: string, value: unknown, dropped: FieldSet, kept: FieldSet, lists: ListKeys): unknown {
  const steps = stepsOf(field, value, lists);
  if (steps === undefined || isEmpty(dropped)) return value;
  const result = new Map(steps);
  for (const [step, below] of Object.entries(dropped)) {
    if (!result.has(step)) continue;
    const still = kept[step];
    if (isEmpty(below) || (below["."] !== undefined && still === undefined)) {
      if (still === undefined) result.delete(step);
      continue;
    }
    const child = removed(step.slice(2), result.get(step), below, still ?? NO_FIELDS, lists);
    const emptied = still === undefined && isFields(child) && Object.keys(child).length === 0;
    if (emptied) result.delete(step);
    else result.set(step, child);
  }
  if (Array.isArray(value)) return [...result.values()];
  return Object.fromEntries([...result].map(([step, child]) => [step.slice(2), child]));
}
