/** Who may connect. PLAIN and AMQPLAIN, compared in constant time. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Reader } from "./wire/fields.ts";

/** Password by name. */
export type Users = Readonly<Record<string, string>>;

export const MECHANISMS = "PLAIN AMQPLAIN";

/** The user's name, or undefined where name or password are wrong, or the response makes no sense. */
export function authenticate(users: Users, mechanism: string, response: Buffer): string | undefined {
  const given = mechanism === "PLAIN" ? plain(response) : amqplain(response);
  if (given === undefined) return undefined;
  const [name, password] = given;
  const right = Object.hasOwn(users, name) ? users[name] : undefined;
  // An unknown name takes as long as a wrong password.
  const same = timingSafeEqual(digest(password), digest(right ?? ""));
  return same && right !== undefined ? name : undefined;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

function plain(response: Buffer): readonly [string, string] | undefined {
  const [, name, password, ...others] = response.toString("utf8").split("\0");
  return name === undefined || password === undefined || others.length > 0 ? undefined : [name, password];
}

function amqplain(response: Buffer): readonly [string, string] | undefined {
  // The response is a table without its length.
  const sized = Buffer.alloc(4 + response.length);
  sized.writeUInt32BE(response.length);
  response.copy(sized, 4);
  const table = new Reader(sized).table();
  const [login, password] = [table.get("LOGIN"), table.get("PASSWORD")];
  return login?.type === "S" && password?.type === "S"
    ? [login.value.toString(), password.value.toString()]
    : undefined;
}
