/** Bodies in and out: read up to a limit, refused while they come, answered as JSON. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { httpStatusOf, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

/** A client that is told 413 may still be writing; it has that long to read the answer. */
const LINGER_MS = 2_000;

/** Throws `payload_too_large` at the first byte above `maxBytes`, or before any where the length is announced. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = new ShoalError("payload_too_large", `the body may have ${maxBytes} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      request.removeAllListeners("data");
      reject(tooLarge);
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new ShoalError("cancelled", "the client went away")));
  });
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const { body } = reply;
  const isText = typeof body === "string";
  const text = isText ? body : `${JSON.stringify(body ?? null)}\n`;
  response.statusCode = reply.status;
  response.setHeader("content-type", isText ? "text/plain; charset=utf-8" : "application/json");
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (!request.complete) discardRest(request, response);
  response.end(request.method === "HEAD" ? undefined : text);
}

/** Lets the client finish writing into nothing, so that it gets to read its answer, and then cuts it off. */
function discardRest(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("connection", "close");
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  request.once("close", () => clearTimeout(timer));
}

/** Every failure has a body that says what it is; none is ever a 2xx. */
export function errorReply(thrown: unknown): Reply {
  const error = thrown instanceof ShoalError ? thrown : new ShoalError("internal", messageOf(thrown));
  return {
    status: httpStatusOf(error.code),
    body: {
      error: { code: error.code, message: error.message, ...(error.field === undefined ? {} : { field: error.field }) },
    },
    ...(error.retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(error.retryAfterSeconds) } }),
  };
}
