/**
 * A channel that comes back: whenever the connection ends it is opened anew, after a growing pause, and `setup` declares
 * the topology again before anybody uses it. Each channel is a session of its own: what was said on one is never waited
 * for on the next. Relies on amqplib for the protocol and for heartbeats, which notice a peer that is silent.
 */
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { busUnavailable, openConnection } from "./connection.ts";

const PAUSE: Backoff = { base: milliseconds(200), factor: 2, cap: seconds(10) };
const OPEN_WITHIN = seconds(10);
/** A session that lasted this long was a good one: the pauses begin small again. */
const LASTING_MS = 5000;

export interface LinkInit {
  readonly url: string;
  /** Shown by the broker beside the connection. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Declares and consumes, on each new channel; where it throws, the channel is given up and tried again later. */
  setup(channel: ConfirmChannel): Promise<void>;
  /** The channel is ready. Called in the same turn in which `setup` ended. */
  opened(channel: ConfirmChannel): void;
  /** The channel is gone; nothing that was sent on it will be answered any more. */
  lost(cause: unknown): void;
  /** The broker asks for silence (`connection.blocked`), or ends it. */
  blocked(reason: string | undefined): void;
}

interface Session {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
}

export class BusLink {
  readonly #init: LinkInit;
  readonly #closing = new AbortController();
  #session: Session | undefined;
  #opening: Promise<void> | undefined;
  #reconnects = 0;
  /** Sessions in a row that ended soon after they began. */
  #short = 0;

  constructor(init: LinkInit) {
    this.#init = init;
  }

  /** How often the connection was lost. */
  get reconnects(): number {
    return this.#reconnects;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** The first connection. Rejects where it cannot be had, and may be called again; from then on the link keeps itself up. */
  open(): Promise<void> {
    if (this.#session !== undefined) return Promise.resolve();
    this.#opening ??= this.#connect().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** No channel comes any more; resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#closing.abort(new ShoalError("cancelled", "the link to the bus is closed"));
    await this.#opening?.catch(() => undefined);
    const session = this.#session;
    this.#session = undefined;
    await session?.connection.close().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const init = this.#init;
    const connection = await openConnection(init.url, init.name, OPEN_WITHIN);
    let cause: unknown = new Error("the broker closed the connection");
    let alive = true;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    connection.on("error", (thrown: Error) => (cause = thrown));
    connection.on("close", () => {
      alive = false;
      ended.reject(busUnavailable(cause));
    });
    connection.on("blocked", (reason: string) => init.blocked(reason));
    connection.on("unblocked", () => init.blocked(undefined));
    try {
      // Where the broker goes in the middle, amqplib may leave a call without an answer.
      const channel = await Promise.race([this.#openChannel(connection, (thrown) => (cause = thrown)), ended.promise]);
      await Promise.race([init.setup(channel), ended.promise]);
      if (!alive) throw busUnavailable(cause);
      this.#closing.signal.throwIfAborted();
      this.#session = { connection, channel };
      const since = init.clock.monotonic();
      connection.once("close", () => this.#onLost(cause, init.clock.monotonic() - since));
      init.opened(channel);
    } catch (thrown) {
      if (alive) await connection.close().catch(() => undefined);
      throw thrown instanceof ShoalError ? thrown : busUnavailable(thrown);
    }
  }

  /** A channel that ends takes its connection along: one way to be lost, one way to come back. */
  async #openChannel(connection: ChannelModel, failed: (thrown: unknown) => void): Promise<ConfirmChannel> {
    const channel = await connection.createConfirmChannel();
    channel.on("error", failed);
    channel.on("close", () => void connection.close().catch(() => undefined));
    return channel;
  }

  #onLost(cause: unknown, lasted: number): void {
    if (this.#session === undefined) return;
    this.#session = undefined;
    this.#reconnects++;
    this.#init.blocked(undefined);
    this.#init.lost(cause);
    this.#init.log.warn({ error: messageOf(cause) }, "the connection to the bus is lost");
    this.#short = lasted < LASTING_MS ? this.#short + 1 : 0;
    this.#opening = this.#reconnect(1 + this.#short).finally(() => (this.#opening = undefined));
    this.#opening.catch(() => undefined);
  }

  async #reconnect(first: number): Promise<void> {
    const { clock, random, log } = this.#init;
    for (let attempt = first; ; attempt++) {
      await clock.sleep(backoffDelay(PAUSE, attempt, random), this.#closing.signal);
      try {
        await this.#connect();
        log.info({ attempt }, "the bus is back");
        return;
      } catch (thrown) {
        if (this.#closing.signal.aborted) throw thrown;
        log.warn({ attempt, error: messageOf(thrown) }, "the bus is not back yet");
      }
    }
  }
}
