/**
 * Google's JSON: durations are strings of seconds (`"1.5s"`), timestamps RFC 3339, enums names or, where the client asks
 * with `$alt=json;enum-encoding=int`, numbers. Both kinds of enum are read.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { fromIso, milliseconds, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";

export type Json = Readonly<Record<string, unknown>>;

export const HTTP_METHODS = ["", "POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;
export type HttpMethod = Exclude<(typeof HTTP_METHODS)[number], "">;
export const QUEUE_STATES = ["", "RUNNING", "PAUSED"] as const;
export const VIEWS = ["", "BASIC", "FULL"] as const;

export function invalid(field: string, message: string): ShoalError {
  return new ShoalError("invalid_argument", `Invalid value for ${field}: ${message}`, { field });
}

export function objectAt(value: unknown, field: string): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(field, "must be an object");
  return value as Json;
}

export function stringAt(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(field, "must be a string");
  return value;
}

export function numberAt(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw invalid(field, "must be a number");
  return number;
}

export function durationAt(value: unknown, field: string): DurationMs | undefined {
  const text = stringAt(value, field);
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d{1,9})?s$/.test(text)) throw invalid(field, `"${text}" is no duration such as "1.5s"`);
  return milliseconds(Number(text.slice(0, -1)) * 1000);
}

export function timestampAt(value: unknown, field: string): Timestamp | undefined {
  const text = stringAt(value, field);
  if (text === undefined) return undefined;
  const at = fromIso(text);
  if (at === undefined) throw invalid(field, `"${text}" is no RFC 3339 timestamp`);
  return at;
}

/** Name of an enum's value, given by name or by number; `undefined` where it is unspecified. */
export function enumAt<const Names extends readonly string[]>(
  names: Names,
  value: unknown,
  field: string,
): Exclude<Names[number], ""> | undefined {
  if (value === undefined || value === null || value === 0) return undefined;
  if (typeof value === "string" && value.endsWith("_UNSPECIFIED")) return undefined;
  const name = typeof value === "number" ? names[value] : names.find((each) => each === value);
  if (name === undefined || name === "") throw invalid(field, `${JSON.stringify(value)} is not known`);
  return name as Exclude<Names[number], "">;
}

export function enumOut(names: readonly string[], name: string, asNumber: boolean): string | number {
  return asNumber ? names.indexOf(name) : name;
}

export function durationOut(span: DurationMs): string {
  return `${span / 1000}s`;
}
