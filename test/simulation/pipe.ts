/** A channel between two ends of the fabric: frames in order, each way with its delay, stalled by a cut, broken by a loss. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import { MAX_FRAME, type Channel, type PeerId } from "@shoal/node/network/contract.ts";
import type { Fabric } from "./fabric.ts";

interface Waiter {
  resolve(frame: Uint8Array | undefined): void;
  reject(reason: unknown): void;
}

/** Frames that are on their way or wait to be read before a sender has to wait. */
const WINDOW = 16;

/** How often what a cut holds up is tried again. */
const RETRY_MS = 200;

/** What a hostile end does to a frame that it sends: other frames in its place, or none; undefined: nothing. */
export type Tamper = (frame: Uint8Array) => readonly Uint8Array[] | undefined;

export class PipeEnd implements Channel {
  readonly peer: PeerId;
  readonly self: PeerId;
  readonly #fabric: Fabric;
  readonly #tamper: Tamper | undefined;
  #other: PipeEnd | undefined;
  readonly #inbox: Uint8Array[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #blocked: (() => void)[] = [];
  #underWay = 0;
  /** When the last frame towards the other end arrives: none overtakes another. */
  #lastArrival = 0;
  /** Arrived where a cut is. */
  readonly #stalled: ((other: PipeEnd) => void)[] = [];
  #state: "open" | "closed" | "broken" = "open";
  #peerClosed = false;

  constructor(fabric: Fabric, self: PeerId, peer: PeerId, tamper: Tamper | undefined) {
    this.#fabric = fabric;
    this.self = self;
    this.peer = peer;
    this.#tamper = tamper;
  }

  static pair(fabric: Fabric, a: PeerId, b: PeerId, tampers: (peer: PeerId) => Tamper | undefined): [PipeEnd, PipeEnd] {
    const [near, far] = [new PipeEnd(fabric, a, b, tampers(a)), new PipeEnd(fabric, b, a, tampers(b))];
    near.#other = far;
    far.#other = near;
    return [near, far];
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > MAX_FRAME) throw new ShoalError("payload_too_large", `a frame has at most ${MAX_FRAME} bytes`);
    if (this.#state !== "open") throw gone();
    const altered = this.#tamper?.(frame);
    for (const one of altered ?? [frame]) this.#carry(one.slice());
    while (this.#state === "open" && this.#underWay >= WINDOW) {
      await new Promise<void>((resolve) => void this.#blocked.push(resolve));
    }
    // It may have broken while this waited.
    if ((this.#state as string) === "broken") throw gone();
  }

  async receive(within: DurationMs): Promise<Uint8Array | undefined> {
    const frame = this.#inbox.shift();
    if (frame !== undefined) {
      this.#other?.taken();
      return frame;
    }
    if (this.#state === "broken") throw gone();
    if (this.#peerClosed || this.#state === "closed") return undefined;
    return new Promise((resolve, reject) => {
      const timer = this.#fabric.world.after(within, `${this.self} has waited for ${this.peer}`, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new ShoalError("deadline_exceeded", "the peer sent nothing in time"));
      });
      const waiter: Waiter = {
        resolve: (got) => {
          timer.cancel();
          resolve(got);
        },
        reject: (reason) => {
          timer.cancel();
          reject(reason);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.#later("closes", (other) => other.hearClose());
    this.#settle();
  }

  abort(): void {
    if (this.#state === "broken") return;
    this.break();
    this.#later("aborts", (other) => other.break());
  }

  /** Both what waits and what comes later is told that it broke. */
  break(): void {
    if (this.#state === "broken") return;
    this.#state = "broken";
    for (const waiter of this.#waiters.splice(0)) waiter.reject(gone());
    this.#settle();
  }

  /** The end's process is gone: nobody is left to hear anything. */
  forsake(): void {
    this.#state = "broken";
    this.#waiters.length = 0;
    this.#blocked.length = 0;
  }

  hearClose(): void {
    this.#peerClosed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(undefined);
    this.#settle();
  }

  deliver(frame: Uint8Array): void {
    if (this.#state !== "open") {
      this.#other?.taken();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#inbox.push(frame);
      return;
    }
    this.#other?.taken();
    waiter.resolve(frame);
  }

  /** A frame of this end has been read by the other. */
  taken(): void {
    this.#underWay -= 1;
    this.#blocked.shift()?.();
  }

  #settle(): void {
    for (const resolve of this.#blocked.splice(0)) resolve();
  }

  #carry(frame: Uint8Array): void {
    this.#underWay += 1;
    const { breakage } = this.#fabric.qualityBetween(this.self, this.peer);
    if (this.#fabric.chance(breakage)) {
      this.#fabric.onTrouble("channel broke");
      this.#later("is cut off within a frame", (other) => {
        other.break();
        this.break();
      });
      return;
    }
    this.#later(`sends ${frame.length} bytes`, (other) => other.deliver(frame));
  }

  #later(what: string, then: (other: PipeEnd) => void): void {
    const { world } = this.#fabric;
    const arrival = Math.max(world.now + this.#fabric.delay(this.self, this.peer), this.#lastArrival);
    this.#lastArrival = arrival;
    this.#arrive(arrival - world.now, what, then);
  }

  #arrive(delayMs: number, what: string, then: (other: PipeEnd) => void): void {
    this.#fabric.world.after(delayMs, `${this.self} to ${this.peer}: ${what}`, () => {
      this.#stalled.push(then);
      if (this.#stalled.length === 1) this.#pass();
    });
  }

  /** What a cut holds up waits for its end, or for somebody to notice, which breaks the channel. */
  #pass(): void {
    const other = this.#other;
    if (other === undefined || other.#state === "broken") return;
    if (!this.#fabric.passes(this.self, this.peer)) {
      this.#fabric.world.after(RETRY_MS, `${this.self} to ${this.peer}: tries again`, () => this.#pass());
      return;
    }
    for (const then of this.#stalled.splice(0)) then(other);
  }
}

const gone = (): ShoalError => new ShoalError("unavailable", "the channel is gone");
