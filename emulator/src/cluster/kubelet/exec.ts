/**
 * Commands inside a container over WebSocket (`v5.channel.k8s.io`): the first byte of each message is the channel, 0 stdin,
 * 1 stdout, 2 stderr, 3 the final Status, 255 closes the channel that the next byte names.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { ExecSession } from "./driver.ts";
import type { PodWorker } from "./pod-worker.ts";

const EXEC = /^\/exec\/([^/]+)\/([^/]+)\/([^/]+)$/;
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

/** Returns the way to end every session. */
export function attachExec(
  server: Server,
  find: (namespace: string, pod: string) => PodWorker | undefined,
): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? "/", "http://kubelet");
    const [namespace = "", pod = "", name = ""] = (EXEC.exec(url.pathname)?.slice(1) ?? []).map(decodeURIComponent);
    const running = find(namespace, pod)?.container(name)?.running();
    if (running === undefined) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const wants = (...keys: string[]): boolean =>
      keys.some((key) => ["true", "1"].includes(url.searchParams.get(key) ?? ""));
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      try {
        const session = running.exec(url.searchParams.getAll("command"), { stdin: wants("stdin", "input") });
        connect(webSocket, session);
      } catch (thrown) {
        sendStatus(webSocket, { status: "Failure", reason: "InternalError", message: messageOf(thrown) });
        webSocket.close(1000);
      }
    });
  });
  return () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  };
}

function connect(socket: WebSocket, session: ExecSession): void {
  const forward = (channel: number) => (chunk: Buffer | string) => {
    socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(chunk)]));
  };
  session.stdout.on("data", forward(CHANNEL.stdout));
  session.stderr.on("data", forward(CHANNEL.stderr));
  // The command may have closed its input already.
  session.stdin?.on("error", () => undefined);
  socket.on("message", (data: RawData) => {
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    if (bytes[0] === CHANNEL.stdin && bytes.length > 1) session.stdin?.write(bytes.subarray(1));
    if (bytes[0] === CHANNEL.close && bytes[1] === CHANNEL.stdin) session.stdin?.end();
  });
  socket.on("close", () => session.kill());
  socket.on("error", () => session.kill());
  void session.exited.then((code) => {
    sendStatus(socket, code === 0 ? { status: "Success" } : failure(code));
    socket.close(1000);
  });
}

function failure(code: number): object {
  return {
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

function sendStatus(socket: WebSocket, status: object): void {
  const text = JSON.stringify({ metadata: {}, ...status });
  socket.send(Buffer.concat([Buffer.from([CHANNEL.status]), Buffer.from(text)]));
}
