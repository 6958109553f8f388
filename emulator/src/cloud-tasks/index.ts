/** Cloud Tasks on a loopback port: state, wire and sender put together. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import { createHttpFace } from "./http.ts";
import { createQueuePort } from "./port.ts";
import { queueFromManifest, type TaskQueueTrigger } from "./queue.ts";
import { createSender, type SenderOptions } from "./send.ts";
import { createCloudTasksState, type CloudTasksState } from "./state.ts";

export interface CloudTasksServerOptions extends SenderOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** 0 picks a free one. */
  readonly port: number;
  /** File that tasks outlive a kill in; without one they live in memory. */
  readonly journalPath?: string;
  readonly project: string;
  readonly location: string;
}

export interface CloudTasksServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, for a client's endpoint; without the scheme it is `CLOUD_TASKS_EMULATOR_HOST`. */
  readonly url: string;
  /** `projects/P/locations/L`. */
  readonly parent: string;
  readonly state: CloudTasksState;
  readonly queue: Queue;
  /** Queues by function name, from the deploy manifest. */
  declareQueues(triggers: Readonly<Record<string, TaskQueueTrigger>>): void;
  /** Begins to deliver, once the targets are up. Tasks are taken before. */
  start(): void;
  stop(): Promise<void>;
}

export async function startCloudTasks(options: CloudTasksServerOptions): Promise<CloudTasksServer> {
  const sender = createSender(options);
  const state = createCloudTasksState({
    clock: options.clock,
    log: options.log,
    send: sender.send,
    ...(options.journalPath === undefined ? {} : { journalPath: options.journalPath }),
  });
  const server = createHttpFace(state, options.log);
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const parent = `projects/${options.project}/locations/${options.location}`;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    parent,
    state,
    queue: createQueuePort(state, parent),
    declareQueues: (triggers) => {
      for (const [name, trigger] of Object.entries(triggers))
        state.declareQueue(queueFromManifest(`${parent}/queues/${name}`, trigger));
    },
    start: () => state.start(),
    stop: async () => {
      state.stop();
      server.closeAllConnections();
      server.close();
      await sender.close();
    },
  };
}
