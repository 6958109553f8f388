/** What has to hold before keys change: nobody reaches beyond themselves, and the last administrator stays. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { AuthRefusal } from "./failure.ts";
import { anyCovers, intersection, textOf, type Permission } from "./permissions.ts";
import type { AuthKey, Records } from "./records.ts";
import { AUTH_LIMITS, type AuthSettings, type Credentials } from "./settings.ts";
import { isValid, permissionsOf, type Verified } from "./verifier.ts";

export type Caller = Pick<Verified, "key" | "permissions">;

/**
 * The caller as of now: time has passed since its token was looked at, and what it may do is decided when it is done. Throws
 * `token_revoked` where its key does not stand any more.
 */
export function asOfNow(records: Pick<Records, "key">, caller: Caller): Caller {
  const key = records.key(caller.key.id);
  if (key === undefined || !isValid(records, key)) throw new AuthRefusal("token_revoked", "the token was revoked");
  return { key, permissions: intersection(caller.permissions, permissionsOf(records, key)) };
}

/** Throws `permission_denied` where the caller does not hold each of them. */
export function requireOver(caller: Caller, permissions: readonly Permission[], field?: string): void {
  const beyond = permissions.find((permission) => !anyCovers(caller.permissions, permission));
  if (beyond === undefined) return;
  const options = field === undefined ? {} : { field };
  throw new AuthRefusal("permission_denied", `you do not hold ${textOf(beyond)} yourself`, options);
}

export function requireSome(permissions: readonly Permission[], field: string): void {
  if (permissions.length === 0)
    throw new ShoalError("invalid_argument", "a key has at least one permission", { field });
}

/** Throws `conflict` where the node keeps as many keys as it may. */
export async function requireRoom(records: Pick<Records, "keys">): Promise<void> {
  if ((await records.keys()).length >= AUTH_LIMITS.keys)
    throw new ShoalError("conflict", `this node keeps at most ${AUTH_LIMITS.keys} keys`);
}

/** Root keys of users who may everything. */
export async function administrators(records: Records): Promise<readonly AuthKey[]> {
  return (await records.keys()).filter((key) => isAdministrator(key) && isValid(records, key));
}

/** Throws `conflict` where nobody could administer without `key`. */
export async function refuseLast(records: Records, key: AuthKey): Promise<void> {
  if (!isAdministrator(key)) return;
  if ((await administrators(records)).every(({ id }) => id === key.id))
    throw new ShoalError("conflict", "this is the last administrator; make another one first");
}

export function isAdministrator(key: AuthKey): boolean {
  return key.kind === "root" && key.username !== undefined && key.permissions.includes("admin");
}

/** Throws `invalid_argument` naming `username` or `password`. */
export function checkCredentials(
  { username, password }: Credentials,
  settings: Pick<AuthSettings, "userPassword">,
): void {
  const refuse = (message: string, field: string): never => {
    throw new ShoalError("invalid_argument", message, { field });
  };
  const { usernameMaxLength } = AUTH_LIMITS;
  if (username === "" || username.length > usernameMaxLength || /\p{Cc}|\p{Cs}/u.test(username))
    refuse(`a user name has 1 to ${usernameMaxLength} characters, none of them a control character`, "username");
  const { minLength, maxLength } = settings.userPassword;
  const { length } = password.reveal();
  if (length < minLength || length > maxLength)
    refuse(`a password has ${minLength} to ${maxLength} characters`, "password");
}
