/** A value's digest: equal for equal values, whatever order their maps and sets were filled in. */
import { createHash } from "node:crypto";

export function digestOf(value: unknown): string {
  return createHash("sha256").update(written(value)).digest("hex");
}

/** A text that says all of a value; maps, sets and fields of objects in the order of their keys. */
export function written(value: unknown): string {
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
  if (value instanceof Map)
    return `{${[...value]
      .map(([key, one]) => `${written(key)}:${written(one)}`)
      .sort()
      .join()}}`;
  if (value instanceof Set) return `<${[...value].map(written).sort().join()}>`;
  if (Array.isArray(value)) return `[${value.map(written).join()}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, one]) => one !== undefined);
    return `(${fields
      .map(([key, one]) => `${key}=${written(one)}`)
      .sort()
      .join()})`;
  }
  return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? "undefined");
}
