/**
 * What the broker keeps: messages, in memory up to a limit and on disk where they are durable or beyond it, and the durable
 * topology. Callers append in the order of cause and effect (a dead letter before its source is settled), so that a kill
 * between any two records doubles a message rather than losing it.
 */
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BusLimits } from "../limits.ts";
import { Compactor } from "./compact.ts";
import { Log, syncData, type Place, type Segment, type Sync } from "./log.ts";
import { Message, type Hold } from "./message.ts";
import { LogReader } from "./reader.ts";
import {
  deliveredRecord,
  messageRecord,
  settledRecord,
  topologyRecord,
  type Content,
  type Reference,
  type TopologyRecord,
} from "./record.ts";
import { recover, type Recovered, type RecoveredMessage } from "./recover.ts";

export interface StoreOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: BusLimits;
  /** The system's, unless a test wants to hold it. */
  readonly sync?: Sync;
  readonly onWritten: (ticket: number) => void;
  readonly onTrouble: (cause: unknown) => void;
  readonly onBroken: (cause: unknown) => void;
}

/** What of a segment is still worth something. */
export interface Worth {
  readonly messages: Set<Message>;
  bytes: number;
}

export class Store {
  /** What the log said at the start; its messages are let go of once they are back in their queues. */
  recovered: Recovered;
  readonly topology: Map<number, TopologyRecord>;
  readonly worth = new Map<Segment, Worth>();
  readonly log: Log;
  /** Messages that somebody holds. */
  count = 0;
  /** Bytes of contents in memory. */
  resident = 0;
  /** Bytes of the log that are alive. */
  alive = 0;
  readonly #limits: BusLimits;
  readonly #reader = new LogReader();
  readonly #compactor: Compactor;
  #nextSeq: number;
  #nextId: number;
  #settled = new Map<number, number[]>();
  /** Written with the write under way or the next one; looked at once it is on disk. */
  #fresh: Message[] = [];
  #inWrite: Message[] = [];

  constructor(options: StoreOptions) {
    this.#limits = options.limits;
    this.recovered = recover(options.folder, options.log);
    this.topology = new Map(this.recovered.topology);
    this.#nextSeq = this.recovered.lastSeq + 1;
    this.#nextId = this.recovered.lastId + 1;
    this.log = new Log({
      folder: options.folder,
      segmentBytes: options.limits.segmentBytes,
      clock: options.clock,
      sync: options.sync ?? syncData,
      segments: this.recovered.segments,
      beforeWrite: () => this.#gather(),
      onWritten: (ticket) => {
        this.#spill();
        options.onWritten(ticket);
        this.#compactor.onWritten(ticket);
      },
      onTrouble: options.onTrouble,
      onBroken: options.onBroken,
    });
    this.#compactor = new Compactor(this, options.limits.slackBytes);
  }

  /** A new message; queues put their holds on it, then `commit` keeps it. */
  create(content: Content, persistent: boolean): Message {
    const message = new Message(this.#nextSeq++, persistent, content, content.body.length);
    this.resident += weight(content);
    this.count += 1;
    return message;
  }

  /** Nobody wants it. */
  discard(message: Message): void {
    this.count -= 1;
    this.#drop(message);
    this.#unplace(message);
  }

  /** A message as the log remembers it; its content stays on disk until somebody wants it. */
  restore(recovered: RecoveredMessage): Message {
    const message = new Message(recovered.seq, true, undefined, recovered.bodyBytes);
    this.#place(message, recovered.place);
    this.count += 1;
    return message;
  }

  /** Writes what has to be written. The ticket under which it is on disk; 0 where nobody has to wait. */
  commit(message: Message): number {
    const durable = message.persistent && message.holds.some((hold) => hold.queue.durable);
    // What came first is delivered first, so beyond the limit it is the newest that goes to disk.
    if (durable || this.resident > this.#limits.residentBytes) this.#append(message, durable);
    return durable ? this.log.ticket : 0;
  }

  #append(message: Message, durable: boolean): void {
    const before = message.content as Content;
    const { bytes, content } = messageRecord({ seq: message.seq, references: references(message), content: before });
    message.content = content;
    this.#place(message, this.log.append(bytes, durable));
    this.#fresh.push(message);
  }

  #place(message: Message, place: Place): void {
    this.#unplace(message);
    let worth = this.worth.get(place.segment);
    if (worth === undefined) this.worth.set(place.segment, (worth = { messages: new Set(), bytes: 0 }));
    worth.messages.add(message);
    worth.bytes += place.length;
    this.alive += place.length;
    message.place = place;
  }

  #unplace(message: Message): void {
    const { place } = message;
    if (place === undefined) return;
    const worth = this.worth.get(place.segment);
    if (worth?.messages.delete(message) === true) {
      worth.bytes -= place.length;
      this.alive -= place.length;
    }
    message.place = undefined;
  }

  /** Writes the message again at the log's end, with whoever holds it now. */
  rewrite(message: Message): void {
    if (message.content === undefined) {
      message.content = this.content(message);
      this.resident += weight(message.content);
    }
    this.#append(message, true);
  }

  content(message: Message): Content {
    return message.content ?? this.#reader.content(message.place as Place);
  }

  /** One queue is done with the message. */
  settle(message: Message, hold: Hold): void {
    const at = message.holds.indexOf(hold);
    if (at === -1) return;
    message.holds.splice(at, 1);
    if (message.place !== undefined && message.persistent && hold.queue.durable) {
      const seqs = this.#settled.get(hold.queue.id);
      if (seqs === undefined) this.#settled.set(hold.queue.id, [message.seq]);
      else seqs.push(message.seq);
      this.log.wake();
    }
    if (message.holds.length > 0) return;
    this.discard(message);
    this.#compactor.consider();
  }

  /** The hold's queue handed the message out once more. */
  delivered(message: Message, hold: Hold): void {
    if (message.place === undefined || !message.persistent || !hold.queue.durable) return;
    this.log.append(deliveredRecord(hold.queue.id, message.seq, hold.deliveries), false);
  }

  #drop(message: Message): void {
    if (message.content === undefined) return;
    this.resident -= weight(message.content);
    message.content = undefined;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Remembers an exchange, queue or binding, or that one is gone. The ticket under which that is on disk. */
  remember(record: TopologyRecord): number {
    if (record.kind === "gone") {
      if (!this.topology.delete(record.id)) return 0;
    } else this.topology.set(record.id, record);
    this.writeTopology(record);
    return this.log.ticket;
  }

  writeTopology(record: TopologyRecord): void {
    this.log.append(topologyRecord(record), true).segment.topology = true;
  }

  /** Settlements of one turn are one record per queue. */
  #gather(): void {
    for (const [queue, seqs] of this.#settled) this.log.append(settledRecord(queue, seqs), false);
    this.#settled.clear();
    this.#inWrite.push(...this.#fresh);
    this.#fresh = [];
  }

  /** What is on disk need not be in memory, once there is too much of it. */
  #spill(): void {
    for (const message of this.#inWrite) {
      if (this.resident <= this.#limits.residentBytes) break;
      if (message.place !== undefined) this.#drop(message);
    }
    this.#inWrite = [];
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

const weight = (content: Content): number => content.body.length + content.properties.length + 200;

function references(message: Message): Reference[] {
  if (!message.persistent) return [];
  return message.holds
    .filter((hold) => hold.queue.durable)
    .map(({ queue, expiresAt, deliveries }) => ({ queue: queue.id, expiresAt, deliveries }));
}
