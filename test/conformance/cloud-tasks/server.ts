/** A Cloud Tasks server with a target that remembers its requests, for suites that speak the vendor's wire. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { startCloudTasks, type CloudTasksServer } from "@shoal/emulator/cloud-tasks/index.ts";
import { startIdentity, type IdentityServer } from "@shoal/emulator/identity/index.ts";
import { silentLog } from "@shoal/shared/base/log.ts";

export interface Received {
  readonly at: number;
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Rig {
  readonly tasks: CloudTasksServer;
  readonly identity: IdentityServer;
  readonly targetUrl: string;
  readonly received: Received[];
  /** Status of the next answers; 200 unless changed. */
  answer: (request: Received) => number;
  stop(): Promise<void>;
}

export async function startRig(dataDir: string): Promise<Rig> {
  const received: Received[] = [];
  const target = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url = "", method = "", headers } = request;
      const each = { at: Date.now(), path: url, method, headers, body: Buffer.concat(chunks).toString() };
      received.push(each);
      response.writeHead(rig.answer(each)).end();
    });
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const targetUrl = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const identity = await startIdentity({
    dataDir,
    port: 0,
    log: silentLog,
    clock: systemClock,
    clients: [],
    users: [],
  });
  const tasks = await startCloudTasks({
    clock: systemClock,
    log: silentLog,
    port: 0,
    project: "demo-local",
    location: "us-central1",
    targetOf: (queue) => `${targetUrl}/${queue}`,
    signToken: identity.signServiceToken,
  });
  tasks.start();
  const rig: Rig = {
    tasks,
    identity,
    targetUrl,
    received,
    answer: () => 200,
    stop: async () => {
      await tasks.stop();
      await identity.stop();
      target.closeAllConnections();
      target.close();
    },
  };
  return rig;
}
