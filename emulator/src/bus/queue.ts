/**
 * A queue: what waits, who takes it, and the rules of its arguments. It knows nothing of the wire. Whatever it removes it
 * hands to `Surroundings`, which settles it in the store or dead-letters it first.
 */
import type { Consumer, Death, Entry } from "./entry.ts";
import type { Binding } from "./binding.ts";
import type { QueueOptions } from "./queue-options.ts";
import { Ready } from "./ready.ts";
import type { Message } from "./store/message.ts";
import type { Table } from "./wire/fields.ts";

export interface QueueDescription {
  readonly id: number;
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The connection that alone may use it. */
  readonly exclusiveTo: object | undefined;
  readonly arguments: Table;
  readonly options: QueueOptions;
}

export interface Surroundings {
  now(): number;
  /** The queue is done with it. */
  settle(entry: Entry): void;
  /** It was handed out for the nth time. */
  delivered(entry: Entry): void;
  /** It leaves for the dead-letter exchange if there is one, and is settled. */
  bury(entry: Entry, death: Death): void;
  /** Asks for `expire()` at that time. */
  wakeAt(queue: Queue, at: number): void;
  /** The last consumer is gone. */
  unused(queue: Queue): void;
}

export class Queue {
  readonly kind = "queue";
  readonly id: number;
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusiveTo: object | undefined;
  readonly arguments: Table;
  readonly options: QueueOptions;
  /** Bindings to here. */
  readonly targets = new Set<Binding>();
  readonly ready = new Ready();
  /** Handed out and not yet settled. */
  readonly unsettled = new Set<Entry>();
  /** Highest priority first; of the same priority, whose turn it is first. */
  consumers: Consumer[] = [];
  deleted = false;
  /** When it was last used, for `x-expires`. */
  usedAt: number;
  readonly #around: Surroundings;
  #pumping = false;

  constructor(description: QueueDescription, around: Surroundings) {
    this.id = description.id;
    this.name = description.name;
    this.durable = description.durable;
    this.autoDelete = description.autoDelete;
    this.exclusiveTo = description.exclusiveTo;
    this.arguments = description.arguments;
    this.options = description.options;
    this.#around = around;
    this.usedAt = around.now();
    this.touch();
  }

  /** Counts as use, for `x-expires`. */
  touch(): void {
    if (this.options.expires === undefined) return;
    this.usedAt = this.#around.now();
    this.#around.wakeAt(this, this.usedAt + this.options.expires);
  }

  /** Whether a publisher would be told no. */
  get refuses(): boolean {
    return this.options.overflow !== "drop-head" && this.#full(1);
  }

  #full(room: number): boolean {
    const { maxLength, maxBytes } = this.options;
    return (
      (maxLength !== undefined && this.ready.size + room > maxLength) ||
      (maxBytes !== undefined && this.ready.bytes + room > maxBytes)
    );
  }

  /** A hold on the message, not yet in the queue. `expiration`: the message's own time to live, in ms. */
  hold(message: Message, expiration: number | undefined): Entry {
    const ttl = Math.min(this.options.messageTtl ?? Infinity, expiration ?? Infinity);
    const expiresAt = ttl === Infinity ? 0 : this.#around.now() + ttl;
    return { queue: this, message, at: message.seq, order: 0, expiresAt, deliveries: 0 };
  }

  /** Takes a new message, hands it out if somebody waits, and keeps to its bounds. */
  enqueue(entry: Entry): void {
    // A time to live of 0 means "to whoever waits, or never", so whoever waits comes before the clock.
    if (this.ready.size === 0 && !this.#pumping) {
      const consumer = this.#next();
      if (consumer !== undefined) return this.#handOut(consumer, entry);
    }
    this.ready.push(entry);
    this.pump();
    this.#keepToBounds();
    this.#watchHead();
  }

  /** Takes what the log remembers; nobody consumes yet. */
  restore(entry: Entry): void {
    this.ready.push(entry);
  }

  #keepToBounds(): void {
    while (this.ready.size > 0 && this.#full(0)) this.#around.bury(this.ready.shift() as Entry, "maxlen");
  }

  /** Hands out as much as consumers take. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (;;) {
        this.#buryExpired();
        if (this.ready.size === 0) return;
        const consumer = this.#next();
        if (consumer === undefined) return;
        this.#handOut(consumer, this.ready.shift() as Entry);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** The consumer whose turn it is; it goes behind those of its own priority. */
  #next(): Consumer | undefined {
    const { consumers } = this;
    if (this.options.singleActive) return consumers[0]?.ready() === true ? consumers[0] : undefined;
    for (const [index, consumer] of consumers.entries()) {
      if (!consumer.ready()) continue;
      let last = index;
      while (consumers[last + 1]?.priority === consumer.priority) last += 1;
      if (last > index) {
        consumers.splice(index, 1);
        consumers.splice(last, 0, consumer);
      }
      return consumer;
    }
    return undefined;
  }

  #handOut(consumer: Consumer, entry: Entry): void {
    this.#markDelivered(entry, consumer.noAck);
    consumer.deliver(entry);
    if (consumer.noAck) this.settle(entry);
  }

  #markDelivered(entry: Entry, noAck: boolean): void {
    entry.deliveries += 1;
    this.unsettled.add(entry);
    if (!noAck) this.#around.delivered(entry);
  }

  /** The next message for `basic.get`; with `noAck` the caller settles it once it has its content. */
  take(noAck: boolean): Entry | undefined {
    this.touch();
    this.#buryExpired();
    const entry = this.ready.shift();
    if (entry !== undefined) this.#markDelivered(entry, noAck);
    return entry;
  }

  settle(entry: Entry): void {
    if (this.unsettled.delete(entry)) this.#around.settle(entry);
  }

  reject(entry: Entry): void {
    if (this.unsettled.delete(entry)) this.#around.bury(entry, "rejected");
  }

  /** Puts them back where they were, unless they were handed out too often. The caller pumps. */
  putBack(entry: Entry): void {
    if (!this.unsettled.delete(entry)) return;
    const { deliveryLimit, type } = this.options;
    if (type === "quorum" && deliveryLimit !== undefined && entry.deliveries > deliveryLimit)
      this.#around.bury(entry, "delivery_limit");
    else this.ready.putBack(entry);
  }

  /** Pumps after messages came back: bounds and expiry hold for them as for new ones. */
  resume(): void {
    if (this.deleted) return;
    this.pump();
    this.#keepToBounds();
    this.#watchHead();
  }

  #buryExpired(): void {
    for (;;) {
      const head = this.ready.peek();
      if (head === undefined || head.expiresAt === 0 || head.expiresAt > this.#around.now()) return;
      this.ready.shift();
      this.#around.bury(head, "expired");
    }
  }

  #watchHead(): void {
    this.#buryExpired();
    const head = this.ready.peek();
    if (head !== undefined && head.expiresAt !== 0) this.#around.wakeAt(this, head.expiresAt);
  }

  /** Something may have expired. Says whether the queue itself has. */
  expire(): boolean {
    this.#watchHead();
    const { expires } = this.options;
    if (expires === undefined) return false;
    if (this.consumers.length > 0) this.usedAt = this.#around.now();
    if (this.usedAt + expires <= this.#around.now()) return true;
    this.#around.wakeAt(this, this.usedAt + expires);
    return false;
  }

  addConsumer(consumer: Consumer): void {
    const at = this.consumers.findIndex((each) => each.priority < consumer.priority);
    this.consumers.splice(at === -1 ? this.consumers.length : at, 0, consumer);
  }

  removeConsumer(consumer: Consumer): void {
    const at = this.consumers.indexOf(consumer);
    if (at === -1) return;
    this.consumers.splice(at, 1);
    if (this.deleted) return;
    this.touch();
    if (this.consumers.length === 0) this.#around.unused(this);
    else this.pump();
  }

  /** Settles what waits; what was handed out stays out. How many there were. */
  purge(): number {
    this.#buryExpired();
    const count = this.ready.size;
    for (let entry = this.ready.shift(); entry !== undefined; entry = this.ready.shift()) this.#around.settle(entry);
    return count;
  }

  /** Ends it; consumers are told. How many messages waited. */
  remove(): number {
    const count = this.purge();
    this.deleted = true;
    for (const entry of this.unsettled) this.#around.settle(entry);
    this.unsettled.clear();
    for (const consumer of this.consumers.splice(0)) consumer.cancelled();
    return count;
  }
}
