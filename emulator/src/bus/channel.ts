/**
 * One channel: what it consumes, what it has not acknowledged yet, what it owes in confirms, and the content it is being
 * sent. The methods themselves are in `methods/`.
 */
import type { Broker } from "./broker.ts";
import type { Confirms } from "./confirms.ts";
import type { Connection } from "./connection.ts";
import type { Consumer, Entry } from "./entry.ts";
import { dropIncoming } from "./methods/publish.ts";
import type { Queue } from "./queue.ts";
import type { Content } from "./store/record.ts";
import { AmqpError } from "./wire/errors.ts";
import { long } from "./wire/fields.ts";
import type { Arguments, MethodName } from "./wire/methods.ts";
import { readProperties, writeProperties } from "./wire/properties.ts";

export interface Outstanding {
  readonly entry: Entry;
  /** Undefined for `basic.get`. */
  readonly consumer: ChannelConsumer | undefined;
}

export interface ChannelConsumer extends Consumer {
  /** Messages it may hold unacknowledged; 0 for any number. */
  readonly prefetch: number;
  outstanding: number;
}

/** A publication under way: its method came, its content is coming. */
export interface Incoming {
  readonly args: Arguments<"basic.publish">;
  /** Undefined until the content header. */
  properties: Buffer | undefined;
  size: number;
  readonly pieces: Buffer[];
  got: number;
}

export class Channel {
  readonly id: number;
  readonly connection: Connection;
  readonly broker: Broker;
  readonly consumers = new Map<string, ChannelConsumer>();
  readonly outstanding = new Map<number, Outstanding>();
  incoming: Incoming | undefined;
  confirms: Confirms | undefined;
  /** Of consumers to come. */
  prefetch = 0;
  /** Of all consumers together; 0 for any number. */
  globalPrefetch = 0;
  /** The queue that an empty name means. */
  lastQueue = "";
  /** We closed it and wait for `channel.close-ok`. */
  closing = false;
  #deliveryTag = 0;
  #consumed = 0;
  #stopListening: (() => void) | undefined;
  #ended = false;

  constructor(id: number, connection: Connection) {
    this.id = id;
    this.connection = connection;
    this.broker = connection.broker;
  }

  send<N extends MethodName>(name: N, args: Arguments<N>): void {
    this.connection.send(this.id, name, args);
  }

  /** The queue of that name, or the channel's last one. Throws 404, 405. */
  queue(name: string): Queue {
    return this.broker.topology.queue(this.queueName(name), this.connection);
  }

  queueName(name: string): string {
    if (name !== "") return name;
    if (this.lastQueue === "") throw new AmqpError("NOT_FOUND", "no previously declared queue");
    return this.lastQueue;
  }

  /** Whether one more message may be handed to that consumer. */
  takes(consumer: ChannelConsumer): boolean {
    if (this.closing || !this.connection.takes()) return false;
    if (consumer.noAck) return true;
    if (consumer.prefetch > 0 && consumer.outstanding >= consumer.prefetch) return false;
    return this.globalPrefetch === 0 || this.#consumed < this.globalPrefetch;
  }

  deliver(consumer: ChannelConsumer, entry: Entry): void {
    const content = this.broker.content(entry.message);
    const deliveryTag = this.#hand(entry, consumer.noAck, consumer);
    this.broker.counts.delivered += 1;
    this.connection.sendContent(
      this.id,
      "basic.deliver",
      {
        consumerTag: consumer.tag,
        deliveryTag: BigInt(deliveryTag),
        redelivered: entry.deliveries > 1,
        exchange: content.exchange,
        routingKey: content.routingKey,
      },
      propertiesOf(entry, content),
      content.body,
    );
  }

  /** Answers `basic.get`. */
  give(entry: Entry, noAck: boolean): void {
    const content = this.broker.content(entry.message);
    const deliveryTag = this.#hand(entry, noAck, undefined);
    this.broker.counts.delivered += 1;
    this.connection.sendContent(
      this.id,
      "basic.get-ok",
      {
        deliveryTag: BigInt(deliveryTag),
        redelivered: entry.deliveries > 1,
        exchange: content.exchange,
        routingKey: content.routingKey,
        messages: entry.queue.ready.size,
      },
      propertiesOf(entry, content),
      content.body,
    );
    if (noAck) entry.queue.settle(entry);
  }

  #hand(entry: Entry, noAck: boolean, consumer: ChannelConsumer | undefined): number {
    this.#deliveryTag += 1;
    if (noAck) return this.#deliveryTag;
    this.outstanding.set(this.#deliveryTag, { entry, consumer });
    if (consumer !== undefined) {
      consumer.outstanding += 1;
      this.#consumed += 1;
    }
    return this.#deliveryTag;
  }

  /** Takes deliveries out of the books; tag 0 with `multiple` means all. Throws 406 for a tag that is not out. */
  release(tag: bigint, multiple: boolean): Outstanding[] {
    const wanted = Number(tag);
    const released: Outstanding[] = [];
    if (multiple) {
      if (wanted !== 0 && wanted > this.#deliveryTag) throw unknownTag(tag);
      for (const [each, delivery] of this.outstanding) {
        if (wanted !== 0 && each > wanted) break;
        released.push(delivery);
        this.outstanding.delete(each);
      }
      if (released.length === 0 && wanted !== 0) throw unknownTag(tag);
    } else {
      const delivery = this.outstanding.get(wanted);
      if (delivery === undefined) throw unknownTag(tag);
      this.outstanding.delete(wanted);
      released.push(delivery);
    }
    for (const { consumer } of released)
      if (consumer !== undefined) {
        consumer.outstanding -= 1;
        this.#consumed -= 1;
      }
    return released;
  }

  /** Puts deliveries back where they were and hands them out again. */
  putBack(deliveries: readonly Outstanding[]): void {
    const queues = new Set<Queue>();
    for (const { entry } of deliveries) {
      entry.queue.putBack(entry);
      queues.add(entry.queue);
    }
    for (const queue of queues) queue.resume();
  }

  /** Hands out what the prefetch held back. */
  pump(): void {
    for (const { queue } of this.consumers.values()) queue.pump();
  }

  /** Confirms what was published, at the end of this turn or when it is on disk. */
  confirm(ticket: number, refused: boolean): void {
    if (this.confirms === undefined) return;
    if (this.connection.faults.dropConfirms) return this.confirms.skip();
    this.confirms.add(ticket, refused);
    this.#stopListening ??= this.broker.onWritten(() => this.flush());
    if (ticket === 0) this.broker.dirty(this);
  }

  /** Sends the confirms that are due. */
  flush(): void {
    const delay = this.connection.faults.delayConfirmsMs;
    if (delay > 0) {
      const written = this.broker.store.log.written;
      this.connection.later(delay, () => this.#pay(written));
    } else this.#pay(this.broker.store.log.written);
  }

  #pay(written: number): void {
    if (this.confirms === undefined || this.closing || this.#ended) return;
    this.broker.counts.confirmed += this.confirms.pay(written, {
      ack: (tag, multiple) => this.send("basic.ack", { deliveryTag: BigInt(tag), multiple }),
      nack: (tag) => this.send("basic.nack", { deliveryTag: BigInt(tag), multiple: false, requeue: false }),
    });
    if (this.confirms.waiting > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  removeConsumer(tag: string): void {
    const consumer = this.consumers.get(tag);
    if (consumer === undefined) return;
    this.consumers.delete(tag);
    consumer.queue.removeConsumer(consumer);
  }

  /** The channel or its connection is gone: nobody consumes here, and what was not acknowledged goes back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening?.();
    const deliveries = [...this.outstanding.values()];
    this.outstanding.clear();
    dropIncoming(this);
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    // Before a queue that ends with its last consumer ends, it gets its messages back, as they would be dead-lettered.
    this.closing = true;
    this.putBack(deliveries);
    for (const consumer of consumers) consumer.queue.removeConsumer(consumer);
  }
}

const unknownTag = (tag: bigint): AmqpError => new AmqpError("PRECONDITION_FAILED", `unknown delivery tag ${tag}`);

/** Quorum queues say how often they tried before. */
function propertiesOf(entry: Entry, content: Content): Buffer {
  if (entry.queue.options.type !== "quorum" || entry.deliveries < 2) return content.properties;
  const properties = readProperties(content.properties);
  const headers = new Map(properties.headers).set("x-delivery-count", long(entry.deliveries - 1));
  return writeProperties({ ...properties, headers });
}
