/**
 * One worker thread as the executor holds it: what it was sent, in order, and what came back. It answers every run it was
 * given: with the worker's outcome, with a failure where the run was too long or the thread died of it, or by handing back
 * what it had not begun.
 */
import { Worker } from "node:worker_threads";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Job } from "./jobs.ts";
import type { VmLimits } from "../limits.ts";
import type { FromWorker, WorkerInit } from "./messages.ts";
import { RUNS_AHEAD, Slots } from "./slots.ts";

interface Sent {
  readonly job: Job;
  readonly slot: number;
  /** Taken back: the thread will find it so and say that it did. */
  withdrawn: boolean;
}

export interface WorkerEvents {
  /** A run was answered: there is room. */
  onRoom(): void;
  /** The thread is gone; `unbegun` are for somebody else. */
  onExit(thread: WorkerThread, reason: string, unbegun: readonly Job[]): void;
}

/** Messages larger than this are handed over instead of copied; below, a copy is cheaper. */
const TRANSFER_BYTES = 16 * 1024;
/** Timers fire at once when they are to wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How long a thread may take to close its store before it is ended. */
const CLOSE_MS = 2000;

export interface ThreadSize {
  readonly heapMb: number;
  readonly stackMb: number;
}

export class WorkerThread {
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #slots = new Slots();
  readonly #sent: Sent[] = [];
  #limits: VmLimits | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #expired = false;
  #reason = "it ended";
  #gone = false;
  readonly ready: Promise<void>;

  constructor(entry: URL, init: WorkerInit, size: ThreadSize, events: WorkerEvents) {
    this.#events = events;
    this.#worker = new Worker(entry, {
      workerData: { init, slots: this.#slots.shared },
      resourceLimits: { maxOldGenerationSizeMb: size.heapMb, stackSizeMb: size.stackMb },
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromWorker) => {
        if (message instanceof ArrayBuffer) this.#answered(message);
        else if ("ready" in message) resolve();
        else reject(new ShoalError("internal", `a worker could not start: ${message.failed}`));
      });
      this.#worker.on("error", (error: unknown) => {
        this.#reason = error instanceof Error ? error.message : String(error);
      });
      this.#worker.on("exit", () => {
        reject(new ShoalError("internal", `a worker could not start: ${this.#reason}`));
        this.#exited();
      });
    });
    // Nobody may be waiting for it by then.
    this.ready.catch(() => undefined);
  }

  /** Runs in hand. */
  get load(): number {
    return this.#sent.filter((sent) => !sent.withdrawn).length;
  }

  get hasRoom(): boolean {
    return !this.#gone && this.#sent.length < RUNS_AHEAD;
  }

  send(job: Job): void {
    if (job.limits !== this.#limits) {
      this.#limits = job.limits;
      this.#worker.postMessage({ limits: job.limits });
    }
    const slot = this.#slots.next();
    this.#slots.offer(slot);
    this.#sent.push({ job, slot, withdrawn: false });
    const message = job.message();
    this.#worker.postMessage(message, message.byteLength > TRANSFER_BYTES ? [message] : []);
    if (this.#sent.length === 1) this.#startClock();
  }

  /** A run that waits behind a running one, taken back; undefined where there is none. */
  takeBack(): Job | undefined {
    const last = this.#sent.at(-1);
    if (last === undefined || this.load < 2 || !this.#slots.withdraw(last.slot)) return undefined;
    last.withdrawn = true;
    return last.job;
  }

  /** Ends the thread, once it has run what it had begun; it may take as long as `CLOSE_MS`. */
  async close(): Promise<void> {
    if (this.#gone) return;
    const exited = new Promise<void>((resolve) => void this.#worker.once("exit", () => resolve()));
    this.#worker.postMessage({ close: true });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    await exited;
    clearTimeout(timer);
  }

  #answered(message: ArrayBuffer): void {
    const sent = this.#sent.shift();
    clearTimeout(this.#deadline);
    if (this.#sent.length > 0) this.#startClock();
    if (sent !== undefined && !sent.withdrawn) sent.job.answered(message);
    this.#events.onRoom();
  }

  #startClock(): void {
    const [running] = this.#sent;
    if (running === undefined) return;
    this.#deadline = setTimeout(
      () => {
        // Where this thread was held up itself, the answer may be waiting already: it is heard first.
        setImmediate(() => {
          if (this.#sent[0] !== running) return;
          this.#expired = true;
          void this.#worker.terminate();
        });
      },
      Math.min(running.job.wallMs, MAX_TIMER_MS),
    );
  }

  #exited(): void {
    this.#gone = true;
    clearTimeout(this.#deadline);
    const unbegun: Job[] = [];
    for (const { job, slot, withdrawn } of this.#sent.splice(0)) {
      if (withdrawn) continue;
      if (this.#slots.withdraw(slot)) unbegun.push(job);
      else job.lost(this.#expired ? undefined : this.#reason);
    }
    this.#events.onExit(this, this.#expired ? "a run was too long" : this.#reason, unbegun);
  }
}
