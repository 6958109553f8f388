/** Reads a JSON body of bounded size by a schema; what is wrong with it is told with the field's name. */
import type { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";

const JSON_TYPE = /^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i;

/** Throws `unsupported_media_type`, `payload_too_large`, `malformed_json` or `invalid_argument`. */
export async function readBody<T>(request: Request, schema: z.ZodType<T>, maxBytes: number): Promise<T> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? ""))
    throw new ShoalError("unsupported_media_type", "send JSON with Content-Type: application/json");
  let value: unknown;
  const bytes = await readBytes(request, maxBytes);
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ShoalError("malformed_json", "the body is not valid JSON", { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // The issue says what was expected, never what was sent: that may be a password.
  throw new ShoalError("invalid_argument", issue?.message ?? "the body is not what this address takes", {
    field: issue?.path.map(String).join(".") ?? "body",
  });
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): ShoalError => new ShoalError("payload_too_large", `a body has at most ${maxBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
