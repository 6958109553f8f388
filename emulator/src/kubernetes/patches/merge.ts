/** JSON merge patch (RFC 7386) and JSON patch (RFC 6902). */
import fastJsonPatch, { type Operation } from "fast-json-patch";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { isFields, type Fields } from "../object.ts";
import { ApiFailure, badRequest } from "../status.ts";

/** Neither argument is changed. */
export function mergePatch(target: Fields, patch: Fields): Fields {
  const result: Fields = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const before = result[key];
    if (value === null) delete result[key];
    else result[key] = isFields(value) ? mergePatch(isFields(before) ? before : {}, value) : value;
  }
  return result;
}

const MOST_OPERATIONS = 10_000;

/** `target` may be changed: hand in a copy. */
export function jsonPatch(target: Fields, patch: unknown): Fields {
  if (!Array.isArray(patch)) {
    throw badRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  }
  if (patch.length > MOST_OPERATIONS) {
    throw new ApiFailure(
      413,
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`,
    );
  }
  try {
    const result: unknown = fastJsonPatch.applyPatch(target, patch as Operation[], true, true).newDocument;
    if (isFields(result)) return result;
  } catch (thrown) {
    throw new ApiFailure(
      422,
      "Invalid",
      `the server rejected our request due to an error in our request: ${messageOf(thrown).split("\n")[0] ?? ""}`,
      {},
      thrown,
    );
  }
  throw badRequest("the patch does not leave an object");
}
