/**
 * A Kubernetes API that does what the test says: each request takes the next step of the script for its path. Plain HTTP,
 * since what is tested is what the client makes of answers; TLS is tested against the API stand-in.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fullKubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Step = (response: ServerResponse, seen: Seen) => void | Promise<void>;

export interface ScriptedServer {
  readonly seen: Seen[];
  readonly client: KubernetesClient;
  readonly config: Awaited<ReturnType<typeof fullKubeConfigFrom>>;
  /** Connections opened so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Steps in order; the last one repeats. */
export async function scriptedServer(steps: readonly Step[], deadlineMs = 5_000): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  let opened = 0;
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const url = new URL(request.url ?? "/", "http://api");
      const one: Seen = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
      };
      seen.push(one);
      const step = steps[Math.min(seen.length, steps.length) - 1];
      await step?.(response, one);
    })();
  });
  server.on("connection", () => opened++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = await fullKubeConfigFrom(
    JSON.stringify({
      clusters: [
        {
          name: "c",
          cluster: {
            server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            "insecure-skip-tls-verify": true,
          },
        },
      ],
      users: [{ name: "u", user: { token: "let-me-in" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  const client = kubernetesClient({
    config,
    clock: systemClock,
    random: seeded(1),
    deadline: milliseconds(deadlineMs),
  });
  return {
    seen,
    client,
    config,
    connections: () => opened,
    close: async () => {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Step =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };

export const status = (code: number, reason: string, headers: Record<string, string> = {}): Step =>
  json({ kind: "Status", status: "Failure", code, reason, message: `${reason} by script` }, code, headers);

/** Writes the pieces as they are, byte for byte, then ends in good order, is cut, or stays open. */
export const pieces =
  (parts: readonly (string | Uint8Array)[], end: "close" | "cut" | "open"): Step =>
  async (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const part of parts) {
      response.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (end === "close") response.end();
    if (end === "cut") response.destroy();
  };

export const pod = (name: string, version: number, extra: object = {}): object => ({
  metadata: {
    name,
    namespace: "apps",
    uid: `uid-${name}`,
    resourceVersion: String(version),
    managedFields: [{}],
    ...extra,
  },
  spec: { containers: [] },
});

export const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

export const podList = (items: readonly object[], version: number, token?: string): object => ({
  kind: "PodList",
  metadata: { resourceVersion: String(version), ...(token === undefined ? {} : { continue: token }) },
  items,
});
