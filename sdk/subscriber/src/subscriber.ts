/**
 * Reads the bus so that each message takes effect once: at least once by acknowledging only what is done, and not twice by
 * the ledger. What fails waits in a retry queue, what cannot succeed is parked with its reason, and neither holds up the rest.
 */
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import { BusLink } from "@shoal/bus/index.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { isRetryable, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { minutes, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { moved } from "./aside.ts";
import { Lanes } from "./lanes.ts";
import { type LedgerAnswer } from "./ledger.ts";
import type { BusMessage } from "./message.ts";
import { checkOptions, DEFAULTS, type SubscriberOptions } from "./options.ts";
import { attemptsOf, readMessage, type PoisonReason } from "./read.ts";
import { declareQueues, parkingQueue, retryQueue } from "./topology.ts";

const PRUNE_EVERY = minutes(60);

export interface SubscriberCounts {
  received: number;
  handled: number;
  /** Dropped: their effect was there already. */
  seen: number;
  /** Dropped: from an activation that was replaced. */
  stale: number;
  /** Dropped: of a major version that was not asked for. */
  foreign: number;
  retried: number;
  parked: number;
  /** Of a temporary queue, which has no parking: failed and let go. */
  lost: number;
}

export interface Subscriber {
  readonly counts: Readonly<SubscriberCounts>;
  readonly reconnects: number;
  /** Rejects with `unavailable` where the broker is not there, and may be called again; then it keeps itself connected. */
  start(): Promise<void>;
  /** Takes nothing more, finishes what is in hand for as long as `within`, and closes. What is left is delivered again. */
  stop(within: DurationMs): Promise<void>;
}

/** Throws `invalid_argument` with the option at fault. */
export function createSubscriber<Transaction>(options: SubscriberOptions<Transaction>): Subscriber {
  checkOptions(options);
  return new Reader(options);
}

/** Carries what the handler threw through the ledger, so that it is told from the ledger's own errors. */
class HandlerFailure extends Error {
  constructor(cause: unknown) {
    super("the handler failed", { cause });
  }
}

class Reader<Transaction> implements Subscriber {
  readonly counts: SubscriberCounts = {
    received: 0,
    handled: 0,
    seen: 0,
    stale: 0,
    foreign: 0,
    retried: 0,
    parked: 0,
    lost: 0,
  };
  readonly #options: SubscriberOptions<Transaction>;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #lanes = new Lanes();
  readonly #link: BusLink;
  readonly #stopping = new AbortController();
  readonly #majors: readonly number[];
  readonly #retryAfter: readonly DurationMs[];
  #channel: ConfirmChannel | undefined;
  #consumer: string | undefined;
  #prepared = false;
  /** Queues that the broker said it does not have. */
  readonly #missing = new Set<string>();

  constructor(options: SubscriberOptions<Transaction>) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#majors = options.majors ?? DEFAULTS.majors;
    this.#retryAfter = options.queue === undefined ? [] : (options.retryAfter ?? DEFAULTS.retryAfter);
    this.#link = new BusLink({
      url: options.url,
      name: `shoal-subscriber ${options.queue ?? "(temporary)"}`,
      clock: this.#clock,
      random: options.random ?? systemRandom,
      log: this.#log,
      setup: (channel) => this.#setup(channel),
      opened: () => undefined,
      lost: () => (this.#channel = undefined),
      blocked: () => undefined,
    });
  }

  get reconnects(): number {
    return this.#link.reconnects;
  }

  async start(): Promise<void> {
    if (!this.#prepared) {
      await this.#options.ledger.prepare();
      this.#prepared = true;
      void this.#pruneNowAndThen();
    }
    await this.#link.open();
  }

  async stop(within: DurationMs): Promise<void> {
    this.#stopping.abort();
    if (this.#channel !== undefined && this.#consumer !== undefined)
      await this.#channel.cancel(this.#consumer).catch(() => undefined);
    const late = new AbortController();
    await Promise.race([this.#lanes.idle(), this.#clock.sleep(within, late.signal).catch(() => undefined)]);
    late.abort();
    this.#channel = undefined;
    await this.#link.close();
  }

  async #setup(channel: ConfirmChannel): Promise<void> {
    const { queue, patterns, prefetch = DEFAULTS.prefetch } = this.#options;
    const own = await declareQueues(channel, { queue, patterns, retryAfter: this.#retryAfter });
    await channel.prefetch(prefetch);
    this.#missing.clear();
    channel.on("return", ({ fields }) => this.#missing.add(fields.routingKey));
    // Deliveries may come before the answer to `consume` does.
    this.#channel = channel;
    const { consumerTag } = await channel.consume(own, (raw) => this.#take(channel, raw));
    this.#consumer = consumerTag;
  }

  #take(channel: ConfirmChannel, raw: ConsumeMessage | null): void {
    if (raw === null) {
      this.#log.warn({}, "the queue was deleted; declaring it again");
      void channel.close().catch(() => undefined);
      return;
    }
    if (this.#stopping.signal.aborted) return;
    this.counts.received++;
    const reading = readMessage(raw, this.#majors);
    switch (reading.kind) {
      case "foreign":
        this.counts.foreign++;
        this.#log.warn(
          { schema_version: reading.schemaVersion },
          "a message of a major version that is not understood here",
        );
        return this.#acknowledge(channel, raw);
      case "poison":
        this.#lanes.add("", () =>
          this.#settle(channel, raw, () => this.#park(channel, raw, reading.reason, reading.because)),
        );
        return;
      case "message": {
        const key = `k${this.#options.keyOf?.(reading.message) ?? reading.message.processorId}`;
        this.#lanes.add(key, () => this.#settle(channel, raw, () => this.#handle(channel, raw, reading.message)));
      }
    }
  }

  /** Does it and acknowledges it; where that fails, the message stays the broker's, which delivers it again. */
  async #settle(channel: ConfirmChannel, raw: ConsumeMessage, work: () => Promise<void>): Promise<void> {
    // Of a connection that is gone: it is coming again on the next one.
    if (channel !== this.#channel) return;
    try {
      await work();
      this.#acknowledge(channel, raw);
    } catch (thrown) {
      this.#log.warn({ error: messageOf(thrown) }, "a message is not settled and will be delivered again");
      // The one way to have it again on this connection, too.
      if (channel === this.#channel) void channel.close().catch(() => undefined);
    }
  }

  async #handle(channel: ConfirmChannel, raw: ConsumeMessage, message: BusMessage): Promise<void> {
    let answer: LedgerAnswer;
    try {
      answer = await this.#options.ledger.once(message, (transaction) => this.#run(message, transaction));
    } catch (thrown) {
      // The ledger's own trouble is not the message's: no attempt is counted.
      if (!(thrown instanceof HandlerFailure)) throw thrown;
      await this.#failed(channel, raw, message, thrown.cause);
      return;
    }
    if (answer === "done") this.counts.handled++;
    else this.counts[answer]++;
  }

  async #run(message: BusMessage, transaction: Transaction): Promise<void> {
    const limit = this.#options.handleWithin ?? DEFAULTS.handleWithin;
    const [late, done] = [new AbortController(), new AbortController()];
    const error = new ShoalError("deadline_exceeded", `the handler took more than ${limit} ms`);
    const timer = this.#clock.sleep(limit, done.signal).then(
      () => {
        late.abort(error);
        throw error;
      },
      () => undefined,
    );
    const work = (async () => this.#options.handle(message, { transaction, signal: late.signal }))();
    try {
      await Promise.race([work, timer.then(() => work)]);
    } catch (thrown) {
      throw new HandlerFailure(thrown);
    } finally {
      done.abort();
      work.catch(() => undefined);
    }
  }

  async #failed(channel: ConfirmChannel, raw: ConsumeMessage, message: BusMessage, thrown: unknown): Promise<void> {
    const { queue } = this.#options;
    const pause = this.#retryAfter[message.attempt - 1];
    const hopeless = thrown instanceof ShoalError && !isRetryable(thrown.code);
    this.#log.warn({ message_id: message.id, attempt: message.attempt, error: messageOf(thrown) }, "a message failed");
    if (queue === undefined || pause === undefined || hopeless) {
      await this.#park(channel, raw, "handler_failed", messageOf(thrown));
      return;
    }
    await moved({ channel, missing: this.#missing }, retryQueue(queue, pause), raw, { attempts: message.attempt });
    this.counts.retried++;
  }

  async #park(channel: ConfirmChannel, raw: ConsumeMessage, reason: PoisonReason, because: string): Promise<void> {
    const { queue } = this.#options;
    if (queue === undefined) {
      this.counts.lost++;
      this.#log.error({ reason, because }, "a message is let go: a temporary queue has no parking");
      return;
    }
    const attempts = attemptsOf(raw) + (reason === "handler_failed" ? 1 : 0);
    await moved({ channel, missing: this.#missing }, parkingQueue(queue), raw, { attempts, reason, because });
    this.counts.parked++;
    this.#log.error({ reason, because, parking: parkingQueue(queue) }, "a message is parked");
  }

  #acknowledge(channel: ConfirmChannel, raw: ConsumeMessage): void {
    if (channel !== this.#channel) return;
    try {
      channel.ack(raw);
    } catch {
      // The channel is closing: it is delivered again, and the ledger knows it.
    }
  }

  async #pruneNowAndThen(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#clock.sleep(PRUNE_EVERY, this.#stopping.signal).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      await this.#options.ledger
        .prune()
        .catch((thrown: unknown) => this.#log.warn({ error: messageOf(thrown) }, "old ids could not be forgotten"));
    }
  }
}
