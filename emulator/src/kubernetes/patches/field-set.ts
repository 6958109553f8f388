/**
 * Sets of fields in the API's own notation (FieldsV1): `f:name` for a field, `k:{"name":"x"}` for the item of a list that is
 * a map, `v:"x"` for a member of a list that is a set, `.` for an item itself. A step with nothing below is a field that is
 * owned whole. Pure; no argument is changed.
 */
import { isFields, sameJson, type Fields } from "../object.ts";
import { KEY_DEFAULTS, SETS, type ListKeys } from "./list-keys.ts";

export interface FieldSet {
  readonly [step: string]: FieldSet;
}

export const NO_FIELDS: FieldSet = {};

/** Nobody owns these: they are the object's identity, or the server's. */
const UNOWNED = new Set(["apiVersion", "kind"]);
const UNOWNED_METADATA = new Set([
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink",
  "generateName",
]);

/** Steps into a value, or undefined where it is one leaf. */
export function stepsOf(field: string, value: unknown, lists: ListKeys): ReadonlyMap<string, unknown> | undefined {
  if (isFields(value)) return new Map(Object.entries(value).map(([key, child]) => [`f:${key}`, child]));
  if (!Array.isArray(value)) return undefined;
  const items = value as readonly unknown[];
  if (SETS.has(field)) return new Map(items.map((item) => [`v:${JSON.stringify(item)}`, item]));
  const keys = lists[field]?.apply;
  if (keys === undefined || !items.every(isFields)) return undefined;
  return new Map(items.map((item) => [keyStep(item, keys), item]));
}

function keyStep(item: Fields, keys: readonly string[]): string {
  const parts = keys.map((key) => [key, item[key] ?? KEY_DEFAULTS[key] ?? null]);
  return `k:${JSON.stringify(Object.fromEntries(parts))}`;
}

/** All fields of an object that somebody may own. */
export function fieldsOf(object: Fields, lists: ListKeys): FieldSet {
  return treeOf("", ownable(object), lists);
}

export function ownable(object: Fields): Fields {
  const { metadata, ...rest } = object;
  const kept = Object.entries(rest).filter(([key]) => !UNOWNED.has(key));
  const meta = Object.entries(isFields(metadata) ? metadata : {}).filter(([key]) => !UNOWNED_METADATA.has(key));
  return { ...(meta.length === 0 ? {} : { metadata: Object.fromEntries(meta) }), ...Object.fromEntries(kept) };
}

function treeOf(field: string, value: unknown, lists: ListKeys): FieldSet {
  const steps = stepsOf(field, value, lists);
  if (steps === undefined) return NO_FIELDS;
  const tree: Record<string, FieldSet> = {};
  for (const [step, child] of steps) {
    const below = step.startsWith("v:") ? NO_FIELDS : treeOf(step.slice(2), child, lists);
    tree[step] = step.startsWith("k:") ? { ".": NO_FIELDS, ...below } : below;
  }
  return tree;
}

/** Fields of `next` that `before` has not, or has otherwise; and those that are gone. */
export function difference(
  before: unknown,
  next: unknown,
  lists: ListKeys,
  field = "",
): { readonly changed: FieldSet | undefined; readonly removed: FieldSet | undefined } {
  if (sameJson(before, next)) return { changed: undefined, removed: undefined };
  const old = stepsOf(field, before, lists);
  const now = stepsOf(field, next, lists);
  if (old === undefined || now === undefined) {
    return {
      changed: next === undefined ? undefined : treeOf(field, next, lists),
      // What was below something that has become a value is gone as well.
      removed:
        before === undefined || (old === undefined && next !== undefined) ? undefined : treeOf(field, before, lists),
    };
  }
  const changed: Record<string, FieldSet> = {};
  const removed: Record<string, FieldSet> = {};
  for (const step of new Set([...old.keys(), ...now.keys()])) {
    const inside = difference(old.get(step), now.get(step), lists, step.slice(2));
    const isNewItem = step.startsWith("k:") && !old.has(step);
    if (inside.changed !== undefined)
      changed[step] = isNewItem ? { ".": NO_FIELDS, ...inside.changed } : inside.changed;
    if (inside.removed !== undefined) {
      removed[step] = step.startsWith("k:") && !now.has(step) ? { ".": NO_FIELDS, ...inside.removed } : inside.removed;
    }
  }
  return { changed: orNothing(changed), removed: orNothing(removed) };
}

function orNothing(tree: FieldSet): FieldSet | undefined {
  return isEmpty(tree) ? undefined : tree;
}

export function isEmpty(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** Whether the set has the field itself, not only fields below it. */
function hasItself(set: FieldSet): boolean {
  return isEmpty(set) || set["."] !== undefined;
}

function itself(set: FieldSet): FieldSet {
  return isEmpty(set) ? { ".": NO_FIELDS } : set;
}

/** One that has nothing but itself is a leaf again. */
function plain(set: FieldSet): FieldSet {
  return Object.keys(set).every((step) => step === ".") ? NO_FIELDS : set;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = { ...a };
  for (const [step, below] of Object.entries(b)) {
    const here = result[step];
    if (here === undefined || (isEmpty(here) && isEmpty(below))) result[step] = below;
    else result[step] = plain(union(itself(here), itself(below)));
  }
  return result;
}

/** The fields of `a` that `b` has not. */
export function without(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [step, below] of Object.entries(a)) {
    const taken = b[step];
    if (taken === undefined) result[step] = below;
    else if (isEmpty(below)) {
      if (!hasItself(taken)) result[step] = below;
    } else {
      const rest = without(below, itself(taken));
      if (!isEmpty(rest)) result[step] = plain(rest);
    }
  }
  return result;
}

/** The fields that both have. */
export function common(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [step, below] of Object.entries(a)) {
    const other = b[step];
    if (other === undefined) continue;
    if (isEmpty(below) || isEmpty(other)) {
      if (hasItself(below) && hasItself(other)) result[step] = NO_FIELDS;
      continue;
    }
    const both = common(below, other);
    if (!isEmpty(both)) result[step] = plain(both);
  }
  return result;
}

/** `.spec.containers[name="main"].image` for each field. */
export function pathsOf(set: FieldSet, prefix = ""): string[] {
  return Object.entries(set).flatMap(([step, below]) => {
    if (step === ".") return [];
    const path = prefix + printed(step);
    return isEmpty(below) || Object.keys(below).every((key) => key === ".") ? [path] : pathsOf(below, path);
  });
}

function printed(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith("f:")) return `.${rest}`;
  if (step.startsWith("v:")) return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Fields);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
}
