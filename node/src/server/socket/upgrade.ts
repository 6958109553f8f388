/** The handshake's HTTP side: the request as the guard reads it, and a refusal, written by hand since no response exists. */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { refusalOf } from "../refusal.ts";

/** Headers of the handshake itself: nobody judges by them. */
const OF_HANDSHAKE = /^(?:connection|upgrade|sec-websocket-.*)$/;

/** Throws `invalid_argument` where host and path make no address. */
export function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === "string" && !OF_HANDSHAKE.test(name)) headers.set(name, value);
  }
  const url = URL.parse(`http://${incoming.headers.host ?? ""}${incoming.url ?? "/"}`);
  if (url === null) throw new ShoalError("invalid_argument", "the address cannot be read");
  return new Request(url, { headers });
}

export function refuse(socket: Duplex, thrown: unknown, requestId: string, log: Log): void {
  const { status, headers, body } = refusalOf(thrown, requestId, log);
  const lines = Object.entries({ ...headers, connection: "close", "content-length": Buffer.byteLength(body) });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
