/** Reading what a client sends, never further than its limit and never for longer than its time. */
import type { IncomingMessage } from "node:http";
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface BodyLimits {
  readonly bytes: number;
  readonly withinMs: number;
}

/** The whole body. Rejects `payload_too_large`, `invalid_argument` where it takes too long, `cancelled` on a cut. */
export function readBody(incoming: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  if (declaredLength(incoming) > limits.bytes) return Promise.reject(tooLarge(limits.bytes));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      incoming.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
    };
    const fail = (error: ShoalError): void => {
      settle();
      incoming.pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.bytes) return fail(tooLarge(limits.bytes));
      if (first === undefined) first = chunk;
      else (chunks ??= [first]).push(chunk);
      // Most bodies come in one piece, which needs no timer.
      timer ??= setTimeout(onSlow, limits.withinMs);
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks));
    };
    const onSlow = (): void => fail(new ShoalError("invalid_argument", "the body took too long to arrive"));
    const onError = (cause: Error): void => fail(new ShoalError("cancelled", "the client went away", { cause }));
    const onClose = (): void => fail(new ShoalError("cancelled", "the client went away"));
    incoming.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}

/** The body as pieces, as they come. Throws `payload_too_large` once there are more than `bytes`, `cancelled` on a cut. */
export async function* streamBody(incoming: IncomingMessage, bytes: number): AsyncGenerator<Uint8Array> {
  if (declaredLength(incoming) > bytes) throw tooLarge(bytes);
  let size = 0;
  const pieces = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    for await (const piece of pieces) {
      size += piece.length;
      if (size > bytes) throw tooLarge(bytes);
      yield piece;
    }
  } catch (cause) {
    if (cause instanceof ShoalError) throw cause;
    throw new ShoalError("cancelled", "the client went away", { cause });
  }
  if (!incoming.complete) throw new ShoalError("cancelled", "the client went away");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The text of bytes that a client sent; throws `malformed_json` where they are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ShoalError("malformed_json", "the body is not UTF-8", { cause });
  }
}

/** JSON that a client sent; an empty body is an empty object. Throws `malformed_json`, `unsupported_media_type`. */
export function jsonOf(incoming: IncomingMessage, bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  requireJson(incoming);
  const text = textOf(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShoalError("malformed_json", "the body is not JSON", { cause });
  }
}

/** Requests of a page that asked nobody cannot carry this type across origins, so it is asked for. */
export function requireJson(incoming: IncomingMessage): void {
  const type = incoming.headers["content-type"] ?? "";
  if (type !== "application/json" && !/^application\/(json|[a-z0-9.-]+\+json)\s*(;|$)/i.test(type))
    throw new ShoalError("unsupported_media_type", "send Content-Type: application/json");
}

function declaredLength(incoming: IncomingMessage): number {
  return Number(incoming.headers["content-length"] ?? 0);
}

function tooLarge(bytes: number): ShoalError {
  return new ShoalError("payload_too_large", `the body is larger than ${bytes} bytes`);
}
