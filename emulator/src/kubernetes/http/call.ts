/** One request as the handlers see it, and what they answer. */
import type { IncomingMessage } from "node:http";
import { parse as parseYaml } from "yaml";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Faults } from "../faults.ts";
import { isFields, type Fields } from "../object.ts";
import { ApiFailure, badRequest, unsupportedMediaType } from "../status.ts";
import type { Store } from "../store.ts";
import type { Tokens, User } from "../tokens.ts";
import type { Pages } from "./pages.ts";
import { PROTOBUF, protobufObject } from "./protobuf.ts";

/** What all handlers work with. */
export interface Api {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: Tokens;
  readonly faults: Faults;
  readonly pages: Pages;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly request: IncomingMessage;
  /** What the answer says beside itself; handlers add. */
  readonly warnings: string[];
}

/** An answer as text; streams (watch, log) write for themselves. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(code: number, value: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return { code, text: `${JSON.stringify(value)}\n`, ...(headers === undefined ? {} : { headers }) };
}

/** What etcd would take, doubled by JSON's escapes. */
const MOST_BODY_BYTES = 3 * 1024 ** 2;
const MOST_READ_BYTES = 64 * 1024 ** 2;

export async function bodyText(request: IncomingMessage): Promise<string> {
  return (await bodyBytes(request)).toString("utf8");
}

async function bodyBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MOST_BODY_BYTES) chunks.push(chunk);
    // Read on without keeping it: who is cut off while he sends does not hear the answer.
    else if (length > MOST_READ_BYTES) request.destroy();
  }
  if (length > MOST_BODY_BYTES) {
    throw new ApiFailure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${MOST_BODY_BYTES}`);
  }
  return Buffer.concat(chunks);
}

export function mediaType(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
}

const READABLE = ["application/json", "application/yaml", PROTOBUF];

/** The body as an object. An empty one is an empty object where `mayBeEmpty`. */
export async function bodyObject(request: IncomingMessage, mayBeEmpty = false): Promise<Fields> {
  const bytes = await bodyBytes(request);
  const type = mediaType(request);
  if (bytes.length === 0) {
    if (mayBeEmpty) return {};
    throw badRequest("the body of the request is empty: an object is expected");
  }
  if (!READABLE.includes(type)) throw unsupportedMediaType(READABLE);
  if (type === PROTOBUF) return protobufObject(bytes);
  const value = parsed(bytes.toString("utf8"), type === "application/yaml");
  if (!isFields(value)) throw badRequest("the body of the request is not an object");
  return value;
}

/** What the handlers go down into; no kind's own fields come near it. */
const MOST_LEVELS = 100;

export function parsed(text: string, yaml: boolean): unknown {
  const value = decoded(text, yaml);
  if (isDeeper(value, MOST_LEVELS)) throw badRequest(`the body is nested more than ${MOST_LEVELS} levels deep`);
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

function decoded(text: string, yaml: boolean): unknown {
  try {
    return yaml ? (parseYaml(text) as unknown) : (JSON.parse(text) as unknown);
  } catch (thrown) {
    throw new ApiFailure(
      400,
      "BadRequest",
      `the object provided is unrecognized: ${String(thrown)}`,
      undefined,
      thrown,
    );
  }
}

export function flag(query: URLSearchParams, name: string): boolean {
  return ["true", "1"].includes(query.get(name) ?? "");
}

/** A number of the query that is at least `least`; undefined where it is left out. */
export function wholeNumber(query: URLSearchParams, name: string, least = 0): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw badRequest(`${name}: invalid value ${JSON.stringify(text)}: a whole number of at least ${least} is expected`);
  }
  return value;
}

/** Who writes, for the owners of fields: what the caller says, or its program. */
export function managerOf(call: Call): string {
  const given = call.query.get("fieldManager") ?? "";
  const agent = (call.request.headers["user-agent"] ?? "").split("/")[0] ?? "";
  return (given === "" ? agent : given).slice(0, 128) || "unknown";
}

export function isDryRun(call: Call): boolean {
  const values = call.query.getAll("dryRun");
  if (values.some((one) => one !== "All" && one !== ""))
    throw badRequest(`dryRun: Unsupported value: supported values: "All"`);
  return values.includes("All");
}
