/**
 * Commands in a container: a WebSocket from the caller joined to one to the kubelet, message by message, under the
 * sub-protocol that both speak. What cannot be joined is refused as a Status before the protocol changes.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { badRequest, type ApiFailure } from "../status.ts";
import type { KubeletAt } from "./kubelet.ts";
import { unreachable } from "./kubelet.ts";

const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

interface ExecProxy {
  /** Throws before anything was answered; afterwards the sockets say what fails. */
  join(request: IncomingMessage, socket: Duplex, head: Buffer, at: KubeletAt, query: URLSearchParams): Promise<void>;
  stop(): void;
}

export function createExecProxy(): ExecProxy {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => PROTOCOLS.find((one) => offered.has(one)) ?? false,
  });
  return {
    join: async (request, socket, head, at, query) => {
      const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
      const protocol = PROTOCOLS.find((one) => offered.includes(one));
      if (protocol === undefined)
        throw badRequest(`unable to upgrade: only ${PROTOCOLS.join(" and ")} over WebSocket are spoken`);
      if (query.getAll("command").length === 0)
        throw badRequest("you must specify at least one command for the container");
      const kubelet = await opened(at, protocol, query);
      server.handleUpgrade(request, socket, head, (caller) => joinSockets(caller, kubelet));
    },
    stop: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

async function opened(at: KubeletAt, protocol: string, query: URLSearchParams): Promise<Joined> {
  const { namespace = "", name } = at.pod.metadata;
  const path = [namespace, name, at.container].map(encodeURIComponent).join("/");
  const socket = new WebSocket(`ws://${at.host}:${at.port}/exec/${path}?${query.toString()}`, [protocol]);
  // The first words of a quick command come before the caller's side is ready.
  const early: Buffer[] = [];
  const keep = (data: Buffer): void => void early.push(data);
  socket.on("message", keep);
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void => reject(refusal(at, thrown));
    socket.once("error", fail);
    socket.once("open", () => {
      socket.off("error", fail);
      resolve({
        socket,
        start: (send) => {
          socket.off("message", keep);
          socket.on("message", send);
          for (const data of early) send(data);
        },
      });
    });
  });
}

function refusal(at: KubeletAt, thrown: unknown): ApiFailure {
  if (!messageOf(thrown).includes("404")) return unreachable(at, thrown);
  return badRequest(`container ${at.container} of pod ${at.pod.metadata.name} is not running`);
}

interface Joined {
  readonly socket: WebSocket;
  start(send: (data: Buffer) => void): void;
}

/** A close code that may not be sent itself. */
const NO_CODE = new Set([1005, 1006, 1015]);

function joinSockets(caller: WebSocket, kubelet: Joined): void {
  const { socket } = kubelet;
  caller.on("message", (data: Buffer) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  });
  caller.on("close", () => socket.terminate());
  caller.on("error", () => socket.terminate());
  socket.on("close", (code) => (NO_CODE.has(code) ? caller.terminate() : caller.close(code)));
  socket.on("error", () => caller.terminate());
  kubelet.start((data) => caller.send(data));
  if (socket.readyState === WebSocket.CLOSED) caller.close(1000);
}
