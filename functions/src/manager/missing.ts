/** Refusals that several resources share. Another tenant's id is answered exactly as one that never was. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export function notFound(what: string): ShoalError {
  return new ShoalError("not_found", `there is no such ${what}`);
}

/** `value`, or `not_found`. */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw notFound(what);
  return value;
}

export function refuseOverLimit(what: string, used: number, limit: number, plan: string): void {
  if (used < limit) return;
  throw new ShoalError("plan_limit_exceeded", `the ${plan} plan allows ${limit} ${what}, and ${used} are in use`);
}
