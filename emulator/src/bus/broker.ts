/**
 * The broker without its wire: takes publications, routes them, buries what queues let go of, and says when publishers have
 * to wait. Connections talk to it by calls; it talks to them through `Broker.dirty` and the pressure's listeners.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { createAlarms, type Alarms } from "../cloud-tasks/alarms.ts";
import { certify, circles } from "./dead-letter.ts";
import type { Death, Entry } from "./entry.ts";
import type { BusLimits } from "./limits.ts";
import { Pressure } from "./pressure.ts";
import type { Queue, Surroundings } from "./queue.ts";
import { route } from "./route.ts";
import type { Message } from "./store/message.ts";
import { Store } from "./store/store.ts";
import type { Content } from "./store/record.ts";
import { Topology } from "./topology.ts";
import type { Properties } from "./wire/properties.ts";

export interface Publication {
  readonly content: Content;
  readonly properties: Properties;
  /** The message's own time to live, in ms. */
  readonly expiration: number | undefined;
}

export interface Published {
  /** Whether any queue was reached. */
  readonly routed: boolean;
  /** Whether a full queue said no. */
  readonly refused: boolean;
  /** What has to be on disk before it may be confirmed; 0 for nothing. */
  readonly ticket: number;
}

/** Gathers output until the end of the turn. */
export interface Flushable {
  flush(): void;
}

export interface BrokerOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: BusLimits;
  /** The disk can no longer be trusted: nothing may be confirmed. */
  readonly onBroken: () => void;
}

export class Broker implements Surroundings {
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly store: Store;
  readonly topology: Topology;
  readonly pressure: Pressure;
  readonly counts = { published: 0, confirmed: 0, delivered: 0, returned: 0, deadLettered: 0 };
  readonly #log: Logger;
  readonly #alarms: Alarms<Queue>;
  readonly #dirty = new Set<Flushable>();
  readonly #awaiting = new Set<() => void>();
  #graves: { readonly entry: Entry; readonly death: Death }[] = [];
  #flushing = false;
  readonly #onBroken: () => void;

  constructor(options: BrokerOptions) {
    this.limits = options.limits;
    this.clock = options.clock;
    this.#log = options.log;
    this.#onBroken = options.onBroken;
    this.pressure = new Pressure(options.dataDir, options.limits, options.clock, options.log);
    this.#alarms = createAlarms<Queue>(options.clock, (queue) => this.#ring(queue));
    this.store = new Store({
      folder: options.dataDir,
      clock: options.clock,
      log: options.log,
      limits: options.limits,
      onWritten: () => this.#written(),
      onTrouble: (cause) => {
        if (cause !== undefined) this.#log.error({ cause: messageOf(cause) }, "the bus cannot write its log");
        this.pressure.set("disk", cause !== undefined);
      },
      onBroken: (cause) => this.#break(cause, "the bus could not sync its log and stops"),
    });
    this.topology = new Topology(this.store, this);
    this.#restore();
    void this.pressure.check();
  }

  #restore(): void {
    this.topology.restore(this.store.recovered.topology.values());
    const byId = new Map([...this.topology.queues.values()].map((queue) => [queue.id, queue]));
    for (const recovered of this.store.recovered.messages) {
      const holders = recovered.references.filter(({ queue }) => byId.has(queue));
      if (holders.length === 0) continue;
      const message = this.store.restore(recovered);
      for (const { queue: id, expiresAt, deliveries } of holders) {
        const queue = byId.get(id) as Queue;
        const entry: Entry = { queue, message, at: message.seq, order: 0, expiresAt, deliveries };
        message.holds.push(entry);
        queue.restore(entry);
      }
    }
    this.store.recovered = { ...this.store.recovered, messages: [] };
    for (const queue of byId.values()) queue.resume();
  }

  now(): number {
    return this.clock.now();
  }

  /** Throws 404 and 403 for an exchange that does not take it. */
  publish(publication: Publication): Published {
    const { exchange, routingKey } = publication.content;
    this.counts.published += 1;
    const queues = route(this.topology, exchange, routingKey, publication.properties);
    return this.#put(publication, queues);
  }

  #put(publication: Publication, queues: ReadonlySet<Queue>): Published {
    if (queues.size === 0) return { routed: false, refused: false, ticket: 0 };
    const { content, properties, expiration } = publication;
    const message = this.store.create(content, properties.deliveryMode === 2);
    const entries: Entry[] = [];
    const overflown: Entry[] = [];
    let refused = false;
    for (const queue of queues) {
      const entry = queue.hold(message, expiration);
      if (queue.refuses) {
        refused = true;
        if (queue.options.overflow === "reject-publish") continue;
        overflown.push(entry);
      } else entries.push(entry);
      message.holds.push(entry);
    }
    if (message.holds.length === 0) {
      this.store.discard(message);
      return { routed: true, refused, ticket: 0 };
    }
    const ticket = this.store.commit(message);
    for (const entry of overflown) this.bury(entry, "maxlen");
    for (const entry of entries) entry.queue.enqueue(entry);
    this.#weigh();
    return { routed: true, refused, ticket };
  }

  /** Publishers wait while the disk lags behind or consumers do. */
  #weigh(): void {
    const { store, limits, pressure } = this;
    if (store.log.unwritten > limits.unwrittenBytes) pressure.set("writes", true);
    if (store.count > limits.backlogMessages) pressure.set("backlog", true);
  }

  settle(entry: Entry): void {
    this.store.settle(entry.message, entry);
    if (this.pressure.has("backlog") && this.store.count < this.limits.backlogMessages * 0.9)
      this.pressure.set("backlog", false);
  }

  delivered(entry: Entry): void {
    this.store.delivered(entry.message, entry);
  }

  content(message: Message): Content {
    try {
      return this.store.content(message);
    } catch (thrown) {
      this.#break(thrown, "the bus has lost a message on its disk and stops");
      throw thrown;
    }
  }

  #break(cause: unknown, what: string): void {
    this.#log.error({ cause: messageOf(cause) }, what);
    this.#onBroken();
  }

  /**
   * Graves are dug once the work at hand is done, one after another: a chain of dead-lettering queues is a loop, not a
   * recursion, and no queue changes under the hands of its own loop.
   */
  bury(entry: Entry, death: Death): void {
    if (entry.queue.options.deadLetterExchange === undefined) return this.settle(entry);
    this.#graves.push({ entry, death });
    if (this.#graves.length === 1) queueMicrotask(() => this.#dig());
  }

  #dig(): void {
    for (const { entry, death } of this.#graves) {
      this.#deadLetter(entry, death);
      // What follows it into the log says that this queue no longer has it: a kill in between doubles, never loses.
      this.settle(entry);
    }
    this.#graves = [];
  }

  #deadLetter(entry: Entry, death: Death): void {
    const { deadLetterExchange, deadLetterRoutingKey } = entry.queue.options;
    if (deadLetterExchange === undefined || !this.topology.exchanges.has(deadLetterExchange)) return;
    const before = this.content(entry.message);
    const bytes = certify(before, { queue: entry.queue.name, reason: death, at: this.now() });
    const content = {
      exchange: deadLetterExchange,
      routingKey: deadLetterRoutingKey ?? before.routingKey,
      properties: bytes,
      body: before.body,
    };
    const properties: Properties = { deliveryMode: entry.message.persistent ? 2 : 1 };
    const reached = route(this.topology, content.exchange, content.routingKey, properties, { internal: true, bytes });
    const queues = new Set([...reached].filter((queue) => !circles(bytes, queue.name, death)));
    this.counts.deadLettered += 1;
    this.#put({ content, properties, expiration: undefined }, queues);
  }

  wakeAt(queue: Queue, at: number): void {
    this.#alarms.set(queue, timestamp(at));
  }

  #ring(queue: Queue): void {
    if (!queue.deleted && queue.expire()) this.topology.deleteQueue(queue);
  }

  unused(queue: Queue): void {
    if (queue.autoDelete) this.topology.deleteQueue(queue);
  }

  /** Has `flushable` flushed at the end of this turn. */
  dirty(flushable: Flushable): void {
    this.#dirty.add(flushable);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      const all = [...this.#dirty];
      this.#dirty.clear();
      for (const each of all) each.flush();
    });
  }

  /** Calls back after each write of the log, until the returned function is called. */
  onWritten(listener: () => void): () => void {
    this.#awaiting.add(listener);
    return () => void this.#awaiting.delete(listener);
  }

  #written(): void {
    if (this.store.log.unwritten < this.limits.unwrittenBytes / 2) this.pressure.set("writes", false);
    void this.pressure.check();
    for (const listener of this.#awaiting) listener();
  }

  async stop(): Promise<void> {
    this.#alarms.clear();
    this.pressure.stop();
    await Promise.resolve();
    await this.store.close();
  }
}
