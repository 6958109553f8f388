/**
 * A publisher that never pauses while the broker is killed, and a durable subscriber beside it: in the end every confirmed
 * event has arrived, took effect once, and in order. Both through the SDKs, as a user would.
 */
import { Publisher } from "@shoal/processor/publisher/publisher.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, minutes, seconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createSubscriber, memoryLedger } from "@shoal/subscriber/index.ts";

const PROCESSOR = "chaos-messages";
const EVERY = milliseconds(5);
const ARRIVE_WITHIN_MS = 30_000;
/** Of each list, this many are named. */
const NAMED = 10;

export interface Messages {
  /** Waits for what is on its way, and returns a sentence for each confirmed event that did not arrive, or did twice. */
  lost(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startMessages(amqpUrl: string, say: (text: string) => void): Promise<Messages> {
  const confirmed = new Set<string>();
  const arrived = new Map<string, number>();
  const until = new AbortController();
  const publisher = new Publisher({
    url: amqpUrl,
    processorId: PROCESSOR,
    epoch: 1,
    geohash: undefined,
    segmentLength: 3,
    ids: "repeatable",
    window: { count: 1000, bytes: 4 * 1024 * 1024 },
    // The broker may be down for a while, and that is no reason to give up.
    acceptWithin: minutes(60),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  const subscriber = createSubscriber<undefined>({
    url: amqpUrl,
    queue: PROCESSOR,
    patterns: [`${PROCESSOR}.#`],
    ledger: memoryLedger({ ids: 1_000_000 }),
    handle: ({ id }) => {
      arrived.set(id, (arrived.get(id) ?? 0) + 1);
      return Promise.resolve();
    },
  });
  await subscriber.start();
  await publisher.connect();
  const publishing = (async () => {
    for (let n = 0; !until.signal.aborted; n++) {
      const receipt = await publisher.publish({ eventType: "tick", payload: { n } });
      receipt.confirmed().then(
        () => confirmed.add(receipt.messageId),
        () => undefined,
      );
      await systemClock.sleep(EVERY);
    }
  })();
  publishing.catch((thrown: unknown) => say(`publishing ended: ${String(thrown)}`));

  const missing = (): string[] => [...confirmed].filter((id) => !arrived.has(id));
  const twice = (): string[] => [...arrived].filter(([, times]) => times > 1).map(([id]) => id);
  return {
    lost: async () => {
      until.abort();
      const left = await publisher.drain(seconds(30));
      const end = performance.now() + ARRIVE_WITHIN_MS;
      while (missing().length > 0 && performance.now() < end) await systemClock.sleep(milliseconds(100));
      say(
        `messages: ${confirmed.size} confirmed, ${arrived.size} arrived, ${publisher.reconnects} reconnects, ` +
          `${publisher.counts.resent} sent again, ${subscriber.counts.seen} repeats dropped`,
      );
      return [
        ...told(missing(), "was confirmed and did not arrive"),
        ...told(twice(), "took effect twice"),
        ...(left === 0 ? [] : [`${left} messages are still unconfirmed`]),
        ...(confirmed.size === 0 ? ["no message was confirmed at all"] : []),
      ];
    },
    stop: async () => {
      until.abort();
      await publisher.close();
      await subscriber.stop(seconds(5));
      await publishing.catch(() => undefined);
    },
  };
}

function told(ids: readonly string[], what: string): string[] {
  const more = ids.length > NAMED ? [`and ${ids.length - NAMED} more messages: ${what}`] : [];
  return [...ids.slice(0, NAMED).map((id) => `message ${id} ${what}`), ...more];
}
