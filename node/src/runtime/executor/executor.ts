/**
 * Runs on worker threads. A run goes to the thread that ran its context last, whose module is compiled already, unless that
 * one is busy and another is not; what finds no room waits in a bounded queue. One thread more than work is kept warm, since
 * starting one takes as long as hundreds of runs: it joins when all are busy, and takes the place of one that was killed.
 */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Executor, MergeOutcome, MergeRequest, Outcome, RunRequest } from "../contract.ts";
import { type Job, mergeJob, runJob } from "./jobs.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface ExecutorOptions {
  /** Where the store of the node lies; threads open it for themselves, to read. */
  readonly storePath: string;
  /** 32 bytes where values are encrypted at rest. */
  readonly cipherKey?: Uint8Array;
  readonly blobsPath: string;
  /** Threads that run at the same time; default: the cores, at most 4. */
  readonly workers?: number;
  /** Runs that wait for a thread; more are refused. Default 1024. */
  readonly maxQueued?: number;
  /** Bytes of modules that each thread keeps compiled. Default 64 MiB. */
  readonly moduleCacheBytes?: number;
  /** JavaScript heap of each thread, without guests' memories. Default 512 MiB. */
  readonly heapMb?: number;
  /** The largest `maxStackBytes` of any run; default: that of the default limits. */
  readonly maxStackBytes?: number;
  readonly log: Log;
  /** The threads' program; a bundle has its own. */
  readonly entry?: URL;
}

const MAX_DEFAULT_WORKERS = 4;
const MIB = 1024 * 1024;
/** Real bytes for a counted one: the engine's frames of inlined functions are several times those that are counted. */
const STACK_MARGIN = 40;
const LEAST_STACK_MB = 8;
/** Contexts whose last thread is remembered. */
const MAX_HOMES = 4096;
/** How long until a thread that could not start is tried again. */
const RESTART_MS = 1000;

/**
 * V8 counts the memories of guests, and by default collects garbage whenever they have grown by a few dozen MiB, whatever
 * else the heap holds: every fifty runs or so, at 10 ms each. Counted into the limit of the whole heap they cost a tenth of
 * that, and no more memory is in use. The switch is the process's, and has to be set before threads start.
 */
const COUNT_MEMORIES_WITH_THE_HEAP = "--external-memory-accounted-in-global-limit";

/** Resolves when the first thread is ready; rejects where it cannot open the store. */
export async function createExecutor(options: ExecutorOptions): Promise<Executor> {
  setFlagsFromString(COUNT_MEMORIES_WITH_THE_HEAP);
  const pool = new Pool(options);
  await pool.start();
  return pool;
}

class Pool implements Executor {
  readonly #options: ExecutorOptions;
  readonly #size: number;
  readonly #maxQueued: number;
  /** Threads that take runs. */
  readonly #serving: WorkerThread[] = [];
  /** Ready, and not asked yet. */
  #spare: WorkerThread | undefined;
  #starting: WorkerThread | undefined;
  readonly #queue: Job[] = [];
  readonly #homes = new Map<string, WorkerThread>();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#size = Math.max(1, options.workers ?? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS));
    this.#maxQueued = options.maxQueued ?? 1024;
  }

  async start(): Promise<void> {
    const first = this.#spawn();
    try {
      await first.ready;
    } catch (error) {
      // Nobody has an executor to close: nothing may go on starting threads.
      this.#closed = true;
      throw error;
    }
    this.#serving.push(first);
  }

  run(request: RunRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => this.#take(runJob(request, resolve, reject)));
  }

  merge(request: MergeRequest): Promise<MergeOutcome> {
    return new Promise((resolve, reject) => this.#take(mergeJob(request, resolve, reject)));
  }

  #take(job: Job): void {
    if (this.#closed) job.reject(new ShoalError("unavailable", "the node is stopping"));
    else if (this.#place(job)) return;
    else if (this.#queue.length < this.#maxQueued) this.#queue.push(job);
    else job.reject(new ShoalError("unavailable", `${this.#maxQueued} calls wait already`, { retryAfterSeconds: 1 }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const job of this.#queue.splice(0)) job.reject(new ShoalError("unavailable", "the node is stopping"));
    const threads = [...this.#serving, this.#spare, this.#starting].filter((thread) => thread !== undefined);
    await Promise.all(threads.map((thread) => thread.close()));
  }

  /** False where no thread has room. */
  #place(job: Job): boolean {
    const thread = this.#choose(job);
    if (thread === undefined) return false;
    this.#remember(job, thread);
    thread.send(job);
    this.#keepWarm();
    return true;
  }

  /** Idle and at home, else idle, else the spare, else at home with room, else any with room. */
  #choose(job: Job): WorkerThread | undefined {
    const home = this.#homes.get(homeOf(job));
    if (home?.load === 0 && home.hasRoom) return home;
    const idle = this.#serving.find((thread) => thread.load === 0 && thread.hasRoom);
    if (idle !== undefined) return idle;
    const fresh = this.#promote();
    if (fresh !== undefined) return fresh;
    return home?.hasRoom === true ? home : this.#serving.find((thread) => thread.hasRoom);
  }

  #promote(): WorkerThread | undefined {
    const spare = this.#spare;
    if (spare === undefined || this.#serving.length >= this.#size) return undefined;
    this.#spare = undefined;
    this.#serving.push(spare);
    return spare;
  }

  #remember(job: Job, thread: WorkerThread): void {
    const home = homeOf(job);
    this.#homes.delete(home);
    this.#homes.set(home, thread);
    const [oldest] = this.#homes.keys();
    if (this.#homes.size > MAX_HOMES && oldest !== undefined) this.#homes.delete(oldest);
  }

  /** Gives an idle thread what waits: the queue first, then what waits behind a busy thread. */
  #feed(): void {
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      if (!this.#place(job)) return;
      this.#queue.shift();
    }
    for (const idle of this.#serving) {
      if (idle.load > 0) continue;
      for (const busy of this.#serving) {
        const job = busy.load > 1 ? busy.takeBack() : undefined;
        if (job === undefined) continue;
        this.#remember(job, idle);
        idle.send(job);
        break;
      }
    }
  }

  #keepWarm(): void {
    if (this.#closed || this.#spare !== undefined || this.#starting !== undefined || this.#retry !== undefined) return;
    const thread = this.#spawn();
    this.#starting = thread;
    thread.ready.then(
      () => {
        this.#starting = undefined;
        this.#spare = thread;
        // Where somebody waits already, it joins at once.
        if (this.#isShort() && this.#promote() !== undefined) {
          this.#feed();
          this.#keepWarm();
        }
      },
      (error: unknown) => {
        this.#starting = undefined;
        this.#options.log.warn({ reason: messageOf(error) }, "a worker thread could not start");
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#keepWarm();
        }, RESTART_MS).unref();
        if (this.#serving.length === 0) this.#refuseAll();
      },
    );
  }

  #isShort(): boolean {
    return this.#queue.length > 0 || this.#serving.some((thread) => thread.load > 1);
  }

  #refuseAll(): void {
    const error = new ShoalError("unavailable", "no worker thread can start", { retryAfterSeconds: 1 });
    for (const job of this.#queue.splice(0)) job.reject(error);
  }

  #spawn(): WorkerThread {
    const {
      storePath,
      cipherKey,
      blobsPath,
      moduleCacheBytes = 64 * MIB,
      heapMb = 512,
      entry,
      maxStackBytes = 0,
    } = this.#options;
    const key = cipherKey === undefined ? {} : { cipherKey };
    return new WorkerThread(
      entry ?? new URL("./worker.ts", import.meta.url),
      { storePath, ...key, blobsPath, moduleCacheBytes },
      { heapMb, stackMb: Math.max(LEAST_STACK_MB, Math.ceil((maxStackBytes * STACK_MARGIN) / MIB)) },
      { onRoom: () => this.#feed(), onExit: (...about) => this.#lost(...about) },
    );
  }

  #lost(thread: WorkerThread, reason: string, unbegun: readonly Job[]): void {
    const at = this.#serving.indexOf(thread);
    if (at >= 0) this.#serving.splice(at, 1);
    if (this.#spare === thread) this.#spare = undefined;
    for (const [home, of] of this.#homes) if (of === thread) this.#homes.delete(home);
    if (this.#closed) {
      for (const job of unbegun) job.reject(new ShoalError("unavailable", "the node is stopping"));
      return;
    }
    this.#options.log.warn({ reason }, "a worker thread ended");
    // They were accepted once: they go before whatever waits, and the bound does not count them again.
    this.#queue.unshift(...unbegun);
    this.#feed();
    this.#keepWarm();
  }
}

function homeOf(job: Job): string {
  return Buffer.from(job.context).toString("latin1");
}
