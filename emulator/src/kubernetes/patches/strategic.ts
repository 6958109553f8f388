/** Strategic merge patch: a merge patch that knows which lists are maps, with its `$` directives. Pure. */
import { isFields, type Fields } from "../object.ts";
import { badRequest } from "../status.ts";
import { BUILT_IN_LISTS, SETS } from "./list-keys.ts";

const ORDER = "$setElementOrder/";
const REMOVE = "$deleteFromPrimitiveList/";

/** The object that results; neither argument is changed. */
export function strategicMerge(target: Fields, patch: Fields): Fields {
  if (patch["$patch"] === "replace") return withoutDirectives(patch);
  if (patch["$patch"] === "delete") return {};
  const result: Fields = { ...target };
  const retained = patch["$retainKeys"];
  if (Array.isArray(retained)) {
    for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) {
      if (key.startsWith(REMOVE)) removeFromList(result, key.slice(REMOVE.length), value);
      continue;
    }
    if (value === null) delete result[key];
    else result[key] = mergedValue(key, result[key], value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(ORDER)) reorder(result, key.slice(ORDER.length), value);
  }
  return result;
}

function mergedValue(key: string, before: unknown, value: unknown): unknown {
  if (isFields(value)) return isFields(before) ? strategicMerge(before, value) : strategicMerge({}, value);
  if (!Array.isArray(value)) return value;
  const list = value as readonly unknown[];
  const old = Array.isArray(before) ? (before as readonly unknown[]) : [];
  if (SETS.has(key)) return [...new Set([...old, ...list])];
  const merge = BUILT_IN_LISTS[key];
  return merge === undefined || !list.every(isFields) ? list : mergedList(key, merge.strategic, old, list);
}

function mergedList(field: string, key: string, before: readonly unknown[], patch: readonly Fields[]): unknown[] {
  if (patch.some((item) => item["$patch"] === "replace" && item[key] === undefined)) {
    return patch.filter((item) => item["$patch"] === undefined).map(withoutDirectives);
  }
  const result = [...before];
  for (const item of patch) {
    if (item[key] === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key} (in ${field})`);
    const at = result.findIndex((one) => isFields(one) && one[key] === item[key]);
    if (item["$patch"] === "delete") {
      if (at >= 0) result.splice(at, 1);
      continue;
    }
    const old = result[at];
    if (at < 0) result.push(strategicMerge({}, item));
    else result[at] = isFields(old) ? strategicMerge(old, item) : item;
  }
  return result;
}

function removeFromList(result: Fields, field: string, values: unknown): void {
  const before = result[field];
  if (Array.isArray(before) && Array.isArray(values)) result[field] = before.filter((one) => !values.includes(one));
}

/** Items that the patch names stand in its order; the others keep their places behind them. */
function reorder(result: Fields, field: string, order: unknown): void {
  const list = result[field];
  if (!Array.isArray(list) || !Array.isArray(order)) return;
  const key = BUILT_IN_LISTS[field]?.strategic;
  const idOf = (item: unknown): unknown => (key !== undefined && isFields(item) ? item[key] : item);
  const rank = new Map((order as readonly unknown[]).map((item, i) => [idOf(item), i]));
  const ranked = (list as readonly unknown[]).map((item, i) => ({ item, rank: rank.get(idOf(item)) ?? rank.size + i }));
  result[field] = ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}

function withoutDirectives(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !key.startsWith("$")));
}
