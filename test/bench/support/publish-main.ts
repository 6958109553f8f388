/** One publisher of a round, in a process of its own. Both say the same envelope with the same headers. */
import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import { Publisher } from "@shoal/processor/publisher/publisher.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { ownCpuMs } from "./cpu.ts";

export interface PublishPlan {
  readonly contestant: "sdk" | "amqplib";
  readonly url: string;
  readonly processorId: string;
  readonly events: number;
  /** Unconfirmed at once. */
  readonly window: number;
}

export interface PublishReport {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Unmeasured, so that both begin with compiled code and open sockets. */
const WARM_UP = 2000;
const FILLER = "x".repeat(800);
const GEOHASH = "u4pruydqq";

interface Contestant {
  publish(eventType: string, n: number): Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

async function sdk({ url, processorId, window }: PublishPlan): Promise<Contestant> {
  const publisher = new Publisher({
    url,
    processorId,
    epoch: 1,
    geohash: GEOHASH,
    segmentLength: 3,
    ids: "repeatable",
    window: { count: window, bytes: 64 * 1024 * 1024 },
    acceptWithin: seconds(60),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  await publisher.connect();
  return {
    publish: async (eventType, n) => void (await publisher.publish({ eventType, payload: { n, filler: FILLER } })),
    drain: async () => {
      if ((await publisher.drain(seconds(60))) > 0) throw new Error("not all was confirmed");
    },
    close: () => publisher.close(),
  };
}

async function raw({ url, processorId, window }: PublishPlan): Promise<Contestant> {
  const connection = await amqp.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const count = { inFlight: 0, sequence: 0 };
  let room: PromiseWithResolvers<void> | undefined;
  const confirmed = (refused: unknown): void => {
    if (refused !== null && refused !== undefined) throw new Error("refused", { cause: refused });
    count.inFlight--;
    room?.resolve();
    room = undefined;
  };
  return {
    publish: async (eventType, n) => {
      while (count.inFlight >= window) await (room ??= Promise.withResolvers<void>()).promise;
      const messageId = randomUUID();
      const body = {
        schema_version: "0.1",
        message_id: messageId,
        timestamp: new Date().toISOString(),
        payload: { n, filler: FILLER },
      };
      const headers = {
        processor_id: processorId,
        event_type: eventType,
        epoch: 1,
        sequence: ++count.sequence,
        geohash: GEOHASH,
      };
      const options = { mandatory: true, persistent: true, contentType: "application/json", messageId, headers };
      const key = `${processorId}.${eventType}.u4p.ruy.dqq`;
      channel.publish("dory.output", key, Buffer.from(JSON.stringify(body)), options, confirmed);
      count.inFlight++;
    },
    drain: () => channel.waitForConfirms(),
    close: () => connection.close(),
  };
}

const plan = JSON.parse(process.argv[2] ?? "") as PublishPlan;
const contestant = await (plan.contestant === "sdk" ? sdk(plan) : raw(plan));
const warmUp = await (plan.contestant === "sdk" ? sdk : raw)({ ...plan, processorId: `warm-${plan.processorId}` });
for (let n = 0; n < WARM_UP; n++) await warmUp.publish("warm", n);
await warmUp.drain();
await warmUp.close();
const [began, cpu] = [performance.now(), ownCpuMs()];
for (let n = 0; n < plan.events; n++) await contestant.publish("count", n);
await contestant.drain();
const [ms, cpuMs] = [performance.now() - began, ownCpuMs() - cpu];
await contestant.close();
const report: PublishReport = { perSecond: (plan.events * 1000) / ms, cpuUs: (cpuMs * 1000) / plan.events };
console.log(JSON.stringify(report));
