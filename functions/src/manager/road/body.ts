/**
 * The body of a request: read while it is counted, so that too large a one costs no memory, then decoded, parsed and
 * checked for what neither JSON text nor PostgreSQL can carry (NUL, lone surrogates) and for depth.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { RequestFacts } from "../call.ts";
import type { ManagerLimits } from "../limits.ts";

const JSON_TYPE = /^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i;

/** The parsed JSON; undefined where there is no body at all. */
export async function readJson(facts: RequestFacts, limits: ManagerLimits): Promise<unknown> {
  const bytes = await readBytes(facts.request, limits.bodyMaxBytes);
  if (bytes.length === 0) return undefined;
  if (!JSON_TYPE.test(facts.header("content-type") ?? ""))
    throw new ShoalError("unsupported_media_type", "send JSON with Content-Type: application/json", {
      field: "Content-Type",
    });
  if (facts.header("content-encoding") !== undefined)
    throw new ShoalError("unsupported_media_type", "send the body without a content encoding", {
      field: "Content-Encoding",
    });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ShoalError("malformed_json", "the body is not valid JSON", { cause });
  }
  const problem = problemOf(value, limits.bodyMaxDepth);
  if (problem !== undefined) throw new ShoalError("malformed_json", problem);
  return value;
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): ShoalError =>
    new ShoalError("payload_too_large", `a body may have at most ${maxBytes} bytes`, { field: "body" });
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new ShoalError("cancelled", "the body was cut off", { cause });
    });
    if (done) return Buffer.concat(chunks);
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge();
    }
    chunks.push(value);
  }
}

/** Text that JSON can write and PostgreSQL cannot keep. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Walks with a stack of its own: the depth of a body is its sender's choice, the depth of our calls is not. */
function problemOf(value: unknown, maxDepth: number): string | undefined {
  const stack: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (typeof next.value === "string" && !isStorable(next.value))
      return "the body has text with NUL characters or lone surrogates";
    if (typeof next.value !== "object" || next.value === null) continue;
    const depth = next.depth + 1;
    if (depth > maxDepth) return `the body is nested deeper than ${maxDepth} levels`;
    for (const [key, member] of Object.entries(next.value)) {
      if (!isStorable(key)) return "the body has a field name with NUL characters or lone surrogates";
      stack.push({ value: member, depth });
    }
  }
  return undefined;
}
