/** Worker processes that run plans, one at a time each. One that does not answer is killed: its plan goes round in circles. */
import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Plan } from "./plan.ts";
import type { Verdict } from "./verdict.ts";

export interface Pool {
  readonly size: number;
  /** Waits for a worker that is free. */
  run(plan: Plan): Promise<Verdict>;
  close(): void;
}

const ANSWER_WITHIN_MS = 120_000;

/** `planted`: the name of a fault that the workers have. */
export function createPool(planted?: string, size = availableParallelism()): Pool {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  const waiting: ((worker: ChildProcess) => void)[] = [];

  const start = (): ChildProcess => {
    const worker = fork(join(import.meta.dirname, "worker-main.ts"), {
      env: { ...process.env, ...(planted === undefined ? {} : { SHOAL_PLANTED: planted }) },
    });
    all.add(worker);
    return worker;
  };
  const free = (worker: ChildProcess): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(worker);
    else next(worker);
  };
  const take = async (): Promise<ChildProcess> => {
    const worker = idle.pop();
    if (worker !== undefined) return worker;
    if (all.size < size) return start();
    return new Promise((resolve) => void waiting.push(resolve));
  };

  return {
    size,
    async run(plan) {
      const worker = await take();
      const verdict = await answerOf(worker, plan);
      if (verdict.lost) {
        all.delete(worker);
        worker.kill("SIGKILL");
        free(start());
      } else free(worker);
      return verdict.verdict;
    },
    close() {
      for (const worker of all) worker.kill("SIGKILL");
    },
  };
}

function answerOf(worker: ChildProcess, plan: Plan): Promise<{ readonly verdict: Verdict; readonly lost: boolean }> {
  return new Promise((resolve) => {
    const failed = (detail: string): void => {
      done();
      const failure = { invariant: "ends", detail, atMs: 0 };
      const nothing = { hash: "", events: 0, virtualMs: 0, levelMs: 0, sometimes: {}, tail: [] };
      resolve({ verdict: { seed: plan.seed, ...nothing, failure }, lost: true });
    };
    const onMessage = (verdict: unknown): void => {
      done();
      // Workers say nothing else.
      resolve({ verdict: verdict as Verdict, lost: false });
    };
    const onExit = (code: number | null): void => failed(`the worker ended with ${code ?? "a signal"}`);
    const timer = setTimeout(() => failed(`no answer within ${ANSWER_WITHIN_MS} ms`), ANSWER_WITHIN_MS);
    const done = (): void => {
      clearTimeout(timer);
      worker.off("message", onMessage);
      worker.off("exit", onExit);
    };
    worker.on("message", onMessage);
    worker.on("exit", onExit);
    worker.send(plan);
  });
}
