/** Threads, queue and the last resort, with real threads and a real store. */
import type { Executor, Outcome, RunRequest } from "@shoal/node/runtime/contract.ts";
import { createExecutor } from "@shoal/node/runtime/executor/executor.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callText, guest, Layout } from "./guest.ts";
import { endOf, limitsOf, openStage, requestOf, returnedBy, type Stage } from "./stage.ts";

let stage: Stage;
let module: string;
/** For the tests whose guests end. */
let shared: Executor;
/** Ends after the wall-clock limit, whatever the machine: the gas would last for hours. */
const FOREVER = limitsOf({ maxGas: 1n << 60n, maxWallMs: 300 });

beforeAll(async () => {
  stage = await openStage();
  shared = await stage.executor({ workers: 2 });
  const at = new Layout();
  const key = at.buffer("k");
  module = await stage.install(
    await guest(
      {
        set: `${callText(["input", 1])}
          (i64.store (i32.const 64) (i64.const 0x200000)) (i64.store (i32.const 72) (call $register_len (i64.const 1)))
          (drop (call $read_register (i64.const 1) (i64.const 64)))
          (drop (call $storage_write (i64.const ${key.address}) (i64.const 64) (i64.const 1)))
          ${callText(["commit", at.buffer(new Uint8Array(32)), at.buffer("a")])}`,
        get: `(if (call $storage_read (i64.const ${key.address}) (i64.const 1)) (then
            (call $record (i64.const 0)))) (call $return_log)`,
        who: `${callText(["context_id", 1])} (call $record (i64.const 0)) (call $return_log)`,
        spin: "(loop $l (br $l))",
      },
      at,
    ),
  );
});
afterAll(() => stage.close());

const request = (method: string, more: Partial<RunRequest> = {}): RunRequest =>
  requestOf(module, method, { mode: "read", ...more });
/** What a script's one record holds. */
const recorded = (outcome: Outcome): string => Buffer.from(returnedBy(outcome)).subarray(16).toString();
const contextOf = (n: number): Uint8Array => new Uint8Array(32).fill(n);

async function withExecutor(options: Parameters<Stage["executor"]>[0], use: (executor: Executor) => Promise<void>) {
  const executor = await stage.executor(options);
  try {
    await use(executor);
  } finally {
    await executor.close();
  }
}

describe("an executor", () => {
  it("runs a write on the latest state and a read on what was applied", async () => {
    for (const value of ["one", "two"]) {
      const outcome = await shared.run(request("set", { mode: "write", input: Buffer.from(value) }));
      await stage.store.apply(outcome.rows);
      expect(recorded(await shared.run(request("get")))).toBe(value);
    }
  });

  it("answers many runs at once, each with its own outcome", async () => {
    const contexts = Array.from({ length: 200 }, (_, n) => contextOf(n));
    const outcomes = await Promise.all(contexts.map((context) => shared.run(request("who", { context }))));
    expect(outcomes.map((outcome) => Buffer.from(returnedBy(outcome)).subarray(16))).toEqual(
      contexts.map((context) => Buffer.from(context)),
    );
  });

  it("carries 10 MiB in and out", async () => {
    const input = Buffer.alloc(5 * 1024 * 1024, "x");
    const outcome = await shared.run(request("set", { mode: "write", input }));
    expect(outcome.rows[0]?.value?.length).toBe(input.length);
    // The caller's bytes are still the caller's.
    expect(input.length).toBe(5 * 1024 * 1024);
  });

  it("refuses what finds no place in the queue, and runs the rest", () =>
    withExecutor({ workers: 1, maxQueued: 3 }, async (executor) => {
      const runs = Array.from({ length: 10 }, () => executor.run(request("who")));
      const settled = await Promise.allSettled(runs);
      const refused = settled.filter((one) => one.status === "rejected");
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.every(({ reason }) => (reason as { code: string }).code === "unavailable")).toBe(true);
      expect(settled.filter((one) => one.status === "fulfilled").length).toBeGreaterThanOrEqual(4);
    }));

  it("refuses everything after it was closed", async () => {
    const executor = await stage.executor();
    const before = executor.run(request("who"));
    await executor.close();
    await expect(executor.run(request("who"))).rejects.toMatchObject({ code: "unavailable" });
    expect(endOf(await before)).toBe("ok");
  });

  it("says that a module is not there, and goes on", async () => {
    const gone = "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM";
    await expect(shared.run({ ...request("who"), module: gone })).rejects.toMatchObject({ code: "not_found" });
    expect(endOf(await shared.run(request("who")))).toBe("ok");
  });

  it("cannot be made over a store that is not there", async () => {
    const options = { storePath: "/nowhere/at/all", blobsPath: "/nowhere", log: silentLog };
    await expect(createExecutor(options)).rejects.toMatchObject({ code: "internal" });
  });
});

describe("a guest that does not end", () => {
  it("is ended, and the runs behind it run elsewhere", () =>
    withExecutor({ workers: 1 }, async (executor) => {
      const spinning = executor.run(request("spin", { limits: FOREVER }));
      const behind = Array.from({ length: 5 }, () => executor.run(request("who")));
      expect(endOf(await spinning)).toBe("DeadlineExceeded");
      expect((await Promise.all(behind)).map(endOf)).toEqual(Array.from({ length: 5 }, () => "ok"));
    }));

  it("holds up no reader of its context while another thread is free, not even who was sent behind it", () =>
    withExecutor({ workers: 2 }, async (executor) => {
      let ended = false;
      const spinning = executor.run(
        request("spin", { mode: "write", limits: limitsOf({ maxGas: 1n << 60n, maxWallMs: 5000 }) }),
      );
      void spinning.then(() => (ended = true));
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => executor.run(request("who"))));
      expect(outcomes.map(endOf)).toEqual(Array.from({ length: 20 }, () => "ok"));
      expect(ended).toBe(false);
      expect(endOf(await spinning)).toBe("DeadlineExceeded");
    }));

  it("leaves every other run its own answer", () =>
    withExecutor({ workers: 2 }, async (executor) => {
      const runs = Array.from({ length: 60 }, (_, n) => {
        const context = contextOf(n % 7);
        const method = n % 20 === 5 ? "spin" : "who";
        const limits = limitsOf({ maxGas: 1n << 60n, maxWallMs: method === "spin" ? 100 : 20_000 });
        return { context, method, outcome: executor.run(request(method, { context, limits })) };
      });
      for (const { context, method, outcome } of runs) {
        const answer = await outcome;
        if (method === "spin") expect(endOf(answer)).toBe("DeadlineExceeded");
        else expect(Buffer.from(returnedBy(answer)).subarray(16)).toEqual(Buffer.from(context));
      }
    }));

  it("costs one thread each time, and the executor goes on", () =>
    withExecutor({ workers: 2 }, async (executor) => {
      for (let n = 0; n < 2; n++) {
        const spins = [1, 2].map((of) => executor.run(request("spin", { context: contextOf(of), limits: FOREVER })));
        expect((await Promise.all(spins)).map(endOf)).toEqual(["DeadlineExceeded", "DeadlineExceeded"]);
        expect(endOf(await executor.run(request("who")))).toBe("ok");
      }
    }));
});
