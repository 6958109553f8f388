/**
 * Events on their way to the bus: accepted in order into a bounded window, sent in that order, forgotten when the broker has
 * confirmed them. When the connection is lost, or the broker refuses one, all that is not confirmed is sent again, in order
 * and under the same ids. Relies on the subscriber to drop what it has seen, and on `BusLink` to come back.
 */
import { createHash, randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { ConfirmChannel, Options } from "amqplib";
import { BusLink, declareOutput } from "@shoal/bus/index.ts";
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds, timestamp, toIso, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { OUTPUT_EXCHANGE } from "@shoal/shared/wire/envelope.ts";
import { messageIdOf } from "@shoal/shared/wire/message-id.ts";
import type { OutgoingEvent } from "../app/output.ts";
import { envelopeOf, keyOf, payloadOf, propertiesOf, type Ready, type Sender } from "./event.ts";
import { Gate } from "./gate.ts";
import { Receipt } from "./receipt.ts";
import { readState, type PublisherState } from "./publisher-state.ts";
import { Window } from "./window.ts";

/** Events that are accepted in one turn of the event loop. */
const BURST = 64;
const REFUSED: Backoff = { base: milliseconds(100), factor: 2, cap: seconds(5) };

export interface PublisherInit extends Sender {
  readonly url: string;
  readonly epoch: number;
  /** Unconfirmed events, and their bytes, above which `publish` waits. */
  readonly window: { readonly count: number; readonly bytes: number };
  /** How long `publish` waits for room in the window. */
  readonly acceptWithin: DurationMs;
  /** Where the processor is, for events that name no place. */
  readonly geohash: string | undefined;
  /** A re-run after a restart repeats the ids of what it says again in the same words; `random` never does. */
  readonly ids: "repeatable" | "random";
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface PublisherCounts {
  accepted: number;
  confirmed: number;
  /** Confirmed by the broker, and routed to nobody. */
  returned: number;
  refused: number;
  resent: number;
}

interface Entry {
  readonly ready: Ready;
  readonly bytes: number;
  readonly options: Options.Publish;
  readonly receipt: Receipt;
}

export class Publisher {
  readonly #init: PublisherInit;
  readonly #link: BusLink;
  readonly #window: Window<Entry>;
  readonly #gate: Gate;
  readonly #returned = new Set<string>();
  readonly counts: PublisherCounts = { accepted: 0, confirmed: 0, returned: 0, refused: 0, resent: 0 };
  /** Made anew with each history: where a state is lost, its numbers are given again, and its ids must not be. */
  #stream = randomUUID();
  #sequence = 0;
  #iso: { readonly at: Timestamp; readonly text: string } = { at: timestamp(0), text: toIso(timestamp(0)) };
  #channel: ConfirmChannel | undefined;
  #inFlight = 0;
  #blocked = false;
  /** The socket takes no more for now. */
  #full = false;
  /** An event was refused: nothing new is sent before all that was refused is sent again, so that order is kept. */
  #refusals = 0;
  #holding = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(init: PublisherInit) {
    this.#init = init;
    this.#window = new Window(init.window);
    this.#gate = new Gate(init.clock, (bytes) => this.#window.fits(bytes));
    this.#link = new BusLink({
      url: init.url,
      name: `shoal-processor ${init.processorId}`,
      clock: init.clock,
      random: init.random,
      log: init.log,
      setup: declareOutput,
      opened: (channel) => this.#opened(channel),
      lost: () => (this.#channel = undefined),
      blocked: (reason) => this.#onBlocked(reason),
    });
  }

  get unconfirmed(): number {
    return this.#window.size;
  }

  get reconnects(): number {
    return this.#link.reconnects;
  }

  /** Rejects with `unavailable` where the broker is not there; may be called again. */
  connect(): Promise<void> {
    return this.#link.open();
  }

  /**
   * Resolves when the event is accepted, which is in the order of the calls. Throws `invalid_argument` and
   * `payload_too_large` for what can never be sent, `deadline_exceeded` when there is no room in time, `conflict` after `fence`.
   */
  async publish(event: OutgoingEvent): Promise<Receipt> {
    const payload = payloadOf(event);
    const { eventType, geohash = this.#init.geohash } = event;
    const routingKey = keyOf(this.#init, { eventType, geohash });
    const receipt = await this.#gate.pass(payload.length, this.#init.acceptWithin, () => {
      const sequence = ++this.#sequence;
      const messageId = this.#idOf(sequence, eventType, payload);
      const content = envelopeOf(messageId, this.#now(), payload);
      this.counts.accepted++;
      return this.#add({ messageId, sequence, eventType, geohash, routingKey, content });
    });
    // Whoever publishes in a loop never leaves the microtasks: the socket gets its turn now and then, and the broker its work.
    if (this.counts.accepted % BURST === 0) await turn();
    return receipt;
  }

  /** From here on `publish` waits, until `thaw`. */
  freeze(): void {
    this.#gate.freeze();
  }

  thaw(): void {
    this.#gate.thaw();
  }

  /** Waits until everything accepted is confirmed; returns how many are not when the time is up. */
  async drain(within: DurationMs): Promise<number> {
    if (this.#window.size === 0) return 0;
    this.#emptied ??= Promise.withResolvers<void>();
    const done = new AbortController();
    const late = this.#init.clock.sleep(within, done.signal).catch(() => undefined);
    await Promise.race([this.#emptied.promise, late]);
    done.abort();
    return this.#window.size;
  }

  /** Another activation has taken over: nothing more is sent, not even what was accepted. */
  fence(because: string): Promise<void> {
    return this.#end(new ShoalError("conflict", `this processor is a standby: ${because}`));
  }

  /** Ends at once; `drain` first. */
  close(): Promise<void> {
    return this.#end(new ShoalError("cancelled", "the publisher is closed"));
  }

  capture(): PublisherState {
    return {
      stream: this.#stream,
      sequence: this.#sequence,
      unconfirmed: [...this.#window].map(({ ready: { messageId, sequence, eventType, geohash, content } }) => ({
        message_id: messageId,
        sequence,
        event_type: eventType,
        ...(geohash === undefined ? {} : { geohash }),
        body: content.toString("utf8"),
      })),
    };
  }

  /** Goes on where the captured one stood, and sends what it had not seen confirmed. Anything else is no publisher's state and changes nothing. */
  restore(captured: unknown): void {
    const state = readState(captured);
    if (state === undefined) return;
    this.#stream = state.stream;
    this.#sequence = state.sequence;
    for (const { message_id: messageId, sequence, event_type: eventType, geohash, body } of state.unconfirmed) {
      const routingKey = keyOf(this.#init, { eventType, geohash });
      this.#add({ messageId, sequence, eventType, geohash, routingKey, content: Buffer.from(body) });
    }
  }

  /** Many events share a millisecond. */
  #now(): string {
    const now = this.#init.clock.now();
    if (now !== this.#iso.at) this.#iso = { at: now, text: toIso(now) };
    return this.#iso.text;
  }

  #idOf(sequence: number, eventType: string, payload: string): string {
    if (this.#init.ids === "random") return randomUUID();
    const said = createHash("sha256").update(eventType).update("\n").update(payload).digest("base64url");
    return messageIdOf({ processorId: this.#init.processorId, key: `${this.#stream}/${sequence}/${said}` });
  }

  #add(ready: Ready): Receipt {
    const { processorId, epoch } = this.#init;
    const receipt = new Receipt(ready.messageId, ready.sequence);
    const options = propertiesOf(ready, processorId, epoch);
    this.#window.add({ ready, bytes: ready.content.length, options, receipt });
    this.#pump();
    return receipt;
  }

  #opened(channel: ConfirmChannel): void {
    this.#channel = channel;
    this.#inFlight = 0;
    this.#full = false;
    this.#holding = false;
    this.#returned.clear();
    channel.on("return", ({ properties }) => this.#returned.add(String(properties.messageId)));
    channel.on("drain", () => {
      this.#full = false;
      this.#pump();
    });
    this.#resend();
  }

  #onBlocked(reason: string | undefined): void {
    if (reason !== undefined) this.#init.log.warn({ reason }, "the broker takes no events for now");
    this.#blocked = reason !== undefined;
    this.#pump();
  }

  #resend(): void {
    this.counts.resent += this.#window.rewind();
    this.#pump();
  }

  #pump(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    while (!this.#blocked && !this.#full && !this.#holding) {
      const next = this.#window.takeUnsent();
      if (next === undefined) return;
      const [place, { ready, options }] = next;
      try {
        this.#full = !channel.publish(
          OUTPUT_EXCHANGE,
          ready.routingKey,
          ready.content,
          options,
          (refused: Error | null) => this.#answered(channel, place, refused),
        );
        this.#inFlight++;
      } catch (thrown) {
        // The channel is closing: the link says so in a moment, and all is sent again on the next.
        this.#init.log.debug({ error: messageOf(thrown) }, "an event was not sent");
        this.#channel = undefined;
        return;
      }
    }
  }

  #answered(channel: ConfirmChannel, place: number, refused: Error | null): void {
    if (channel !== this.#channel) return;
    this.#inFlight--;
    if (refused === null || refused === undefined) this.#confirmed(place);
    else this.#holding = true;
    if (this.#holding && this.#inFlight === 0) void this.#resendLater(channel);
  }

  #confirmed(place: number): void {
    const entry = this.#window.remove(place);
    if (entry === undefined) return;
    const returned = this.#returned.size > 0 && this.#returned.delete(entry.ready.messageId);
    this.counts.confirmed++;
    if (returned) this.counts.returned++;
    this.#refusals = 0;
    entry.receipt.settle(returned ? "returned" : "routed");
    this.#gate.admit();
    if (this.#window.size > 0) return;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  /** The broker refused something: when all else is answered, and after a pause, what is left is sent again in order. */
  async #resendLater(channel: ConfirmChannel): Promise<void> {
    const { clock, random, log } = this.#init;
    this.counts.refused++;
    log.warn({ unconfirmed: this.#window.size }, "the broker refused events; sending them again");
    await clock.sleep(backoffDelay(REFUSED, ++this.#refusals, random));
    if (channel !== this.#channel) return;
    this.#holding = false;
    this.#resend();
  }

  async #end(because: ShoalError): Promise<void> {
    this.#channel = undefined;
    this.#gate.close(because);
    for (const { receipt } of this.#window.takeAll()) receipt.settle(because);
    this.#emptied?.resolve();
    await this.#link.close();
  }
}
