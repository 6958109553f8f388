/** The handshake's HTTP side: the request as the guard reads it, and a refusal, written by hand since no response exists. */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "@shoal/shared/base/log.ts";
import { refusalOf } from "../refusal.ts";

export function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers();
  const { authorization } = incoming.headers;
  if (authorization !== undefined) headers.set("authorization", authorization);
  return new Request(new URL(incoming.url ?? "/", "http://node.invalid"), { headers });
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
