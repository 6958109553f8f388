/**
 * The framework parses every body before a function sees it: malformed JSON becomes an HTML page of its own, and a compressed
 * body is unpacked to any size. The API answers for its bodies itself. So for its paths the framework is told, before it
 * looks, that a body is a row of bytes; the API still sees the headers as they were sent (`rawHeaders`).
 */
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";

const OPAQUE = "application/octet-stream";

/** From now on, in this process, requests under `prefix` reach their function with `rawBody` as it was sent. */
export function keepBodiesRaw(prefix: string): void {
  subscribe("http.server.request.start", (message) => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.startsWith(prefix) !== true) return;
    if (request.headers["content-type"] !== undefined) request.headers["content-type"] = OPAQUE;
    delete request.headers["content-encoding"];
  });
}
