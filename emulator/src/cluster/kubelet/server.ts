/**
 * The kubelet's own API, as the API server calls it for `kubectl logs` and `kubectl exec`: plain HTTP on loopback, one server
 * for all hosts of a process. Logs are read from the file and then followed in memory.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PodDriver } from "./driver.ts";
import { attachExec } from "./exec.ts";
import type { ContainerLife } from "./container.ts";
import { linesIn, selectLines, withoutTime, type LogFile, type ReadLogOptions } from "./log-file.ts";
import type { PodWorker } from "./pod-worker.ts";

export interface KubeletServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface KubeletServerInit {
  readonly find: (namespace: string, pod: string) => PodWorker | undefined;
  readonly driver: PodDriver;
  readonly clock: Clock;
}

const LOGS = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/;

export async function startKubeletServer(init: KubeletServerInit): Promise<KubeletServer> {
  const server: Server = createServer((request, response) => {
    answer(init, request, response).catch((thrown: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(messageOf(thrown));
    });
  });
  const stopExec = attachExec(server, init.find);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      stopExec();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(init: KubeletServerInit, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://kubelet");
  if (url.pathname === "/healthz") return void response.end("ok");
  const match = LOGS.exec(url.pathname);
  if (match === null) return void response.writeHead(404).end("no such path");
  const [namespace = "", pod = "", name = ""] = match.slice(1).map(decodeURIComponent);
  const worker = init.find(namespace, pod);
  const container = worker?.container(name);
  if (worker === undefined || container === undefined) {
    return void response.writeHead(404).end(`container "${name}" of pod "${pod}" is not here`);
  }
  const query = parseQuery(url.searchParams);
  const attempt = attemptOf(container, query.previous);
  if (typeof attempt === "string")
    return void response.writeHead(400).end(`container "${name}" in pod "${pod}" ${attempt}`);
  const running = container.running();
  const live = attempt === running?.attempt ? running.log : undefined;
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  if (live !== undefined && query.follow) return follow(response, live, query, init.clock);
  await live?.flushed();
  const lines = await linesIn(
    init.driver.logPath({ podUid: worker.pod().metadata.uid ?? "", container: name, attempt }),
  );
  response.end(
    selectLines(lines, query, init.clock.now())
      .map((line) => `${line}\n`)
      .join(""),
  );
}

interface LogQuery extends ReadLogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
}

function parseQuery(query: URLSearchParams): LogQuery {
  const number = (key: string): number | undefined => {
    const text = query.get(key);
    return text === null || text === "" ? undefined : Number(text);
  };
  const flag = (key: string): boolean => ["true", "1"].includes(query.get(key) ?? "");
  return {
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    tailLines: number("tailLines"),
    sinceSeconds: number("sinceSeconds"),
  };
}

/** Which life's log is meant, or why there is none. While a container waits to start again, it is the life before. */
function attemptOf(container: ContainerLife, previous: boolean): number | string {
  const view = container.view();
  if (view.state === "waiting" && view.last === undefined) return `is waiting to start: ${view.reason}`;
  const current = container.running()?.attempt ?? view.restartCount;
  if (!previous) return current;
  return current === 0 ? "has no previous terminated container" : current - 1;
}

async function follow(response: ServerResponse, log: LogFile, query: LogQuery, clock: Clock): Promise<void> {
  // Lines that come while the file is read wait. Some of them are in the file already, as its last ones.
  const waiting: (string | undefined)[] = [];
  let send = (line: string | undefined): void => void waiting.push(line);
  const before = log.lines();
  response.on(
    "close",
    log.listen((line) => send(line)),
  );
  await log.flushed();
  const came = log.lines() - before;
  const inFile = await linesIn(log.path);
  const older = inFile.slice(0, Math.max(0, inFile.length - Math.max(came, waiting.filter(isLine).length)));
  for (const line of selectLines(older, query, clock.now())) response.write(`${line}\n`);
  send = (line) => {
    if (line === undefined) response.end();
    else response.write(`${withoutTime(line, query.timestamps)}\n`);
  };
  for (const line of waiting) send(line);
}

function isLine(line: string | undefined): line is string {
  return line !== undefined;
}
