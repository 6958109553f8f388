/** What is left of a run: only what it committed, if it ended well and was to write. */
import { IMPORTS } from "@shoal/node/runtime/abi.ts";
import { type ContextId, idOf } from "@shoal/node/model/ids.ts";
import type { Outcome, RunRequest } from "@shoal/node/runtime/contract.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callText, guest, Layout, prepared, type Step } from "./guest.ts";
import { CONTEXT, endOf, limitsOf, openStage, ORIGIN, requestOf, type Stage } from "./stage.ts";

let stage: Stage;
let module: string;
const ROOT = new Uint8Array(32).fill(6);

beforeAll(async () => {
  stage = await openStage();
  const at = new Layout();
  const everything: Step[] = [
    ["storage_write", at.buffer("b"), at.buffer("2"), 1],
    ["storage_write", at.buffer("a"), at.buffer("1"), 1],
    ["private_storage_write", at.buffer("p"), at.buffer("3")],
    ["storage_index_set", at.buffer("i"), at.buffer("4")],
    ["blob_create"],
    ["blob_write", 1, at.buffer("blob")],
    ["blob_close", 1, at.room(32)],
    ["log_utf8", at.buffer("line")],
    ["emit_with_handler", at.event("Kind", "data"), at.buffer("on_kind")],
    ["xcall", at.xcall(ORIGIN, "method", "{}")],
    ["emit_migration_witness", at.buffer("witness")],
  ];
  const commit: Step = ["commit", at.buffer(ROOT), at.buffer("artifact")];
  module = await stage.install(
    await guest(
      {
        commits: text([...everything, commit, ["value_return", at.result(0, "fine")]]),
        forgets: text([...everything, ["value_return", at.result(0, "fine")]]),
        refuses: text([...everything, commit, ["value_return", at.result(1, "no")]]),
        changes_its_mind: text([
          ...everything,
          commit,
          ["value_return", at.result(1, "no")],
          ["value_return", at.result(0, "yes")],
        ]),
        traps: `${text([...everything, commit])} unreachable`,
        views: text([["storage_read", at.buffer("a"), 1]]),
        mends_its_index: text([["storage_index_set", at.buffer("i"), at.buffer("4")]]),
        removes: text([["storage_remove", at.buffer("a"), 1], commit]),
        says_nothing: "",
      },
      at,
    ),
  );
});
afterAll(() => stage.close());

const text = (steps: readonly Step[]): string =>
  steps
    .map((step) => (IMPORTS[step[0]]?.result === undefined ? callText(step) : `(drop ${callText(step)})`))
    .join("\n");
const run = (method: string, more?: Partial<RunRequest>): Outcome => stage.run(requestOf(module, method, more));
const keysOf = (outcome: Outcome): string[] =>
  outcome.rows.map(({ column, key, value }) => {
    const own = Buffer.from(key).subarray(0, 32).equals(CONTEXT) ? "context " : "";
    const rest = own === "" ? "" : Buffer.from(key).subarray(32).toString("latin1");
    return `${column} ${own}${rest}=${value === undefined ? "-" : Buffer.from(value).toString("latin1")}`;
  });

describe("a run that commits", () => {
  it("leaves its rows, by column and key, its root and its artifact", () => {
    const outcome = run("commits");
    expect(outcome.returns).toEqual({ ok: Uint8Array.from(Buffer.from("fine")) });
    expect(outcome.rootHash).toEqual(ROOT);
    expect(Buffer.from(outcome.artifact).toString()).toBe("artifact");
    expect(outcome.mutates).toBe(true);
    expect(keysOf(outcome).slice(0, 3)).toEqual(["state context a=1", "state context b=2", "private context p=3"]);
    expect(new Set(outcome.rows.map(({ column }) => column))).toEqual(new Set(["state", "private", "index", "blobs"]));
    expect(outcome.logs).toEqual(["line"]);
    expect(outcome.events).toEqual([{ kind: "Kind", data: Uint8Array.from(Buffer.from("data")), handler: "on_kind" }]);
    expect(outcome.xcalls).toEqual([{ context: ORIGIN, method: "method", params: Uint8Array.from(Buffer.from("{}")) }]);
    expect(Buffer.from(outcome.migrationWitness ?? []).toString()).toBe("witness");
    expect(outcome.gasUsed).toBeGreaterThan(0n);
    expect(outcome.hostCalls).toBe(13);
  });

  it("keeps a blob in the context's name", () => {
    const reference = run("commits").rows.find(({ key }) => Buffer.from(key).includes("context:"));
    expect(Buffer.from(reference?.key ?? []).toString("latin1")).toContain(`context:${idOf<ContextId>(CONTEXT)}`);
  });

  it("is judged by the last thing it returned", () => {
    expect(run("changes_its_mind").rows.length).toBeGreaterThan(0);
  });

  it("deletes what it removed", async () => {
    await stage.store.apply(run("commits").rows);
    expect(keysOf(run("removes"))).toEqual(["state context a=-"]);
  });
});

describe("nothing is left", () => {
  const nothing = { rows: [], artifact: new Uint8Array(), mutates: true };

  it("without a commit, which costs private data too", () => {
    const outcome = run("forgets");
    expect(outcome).toMatchObject(nothing);
    expect(outcome.rootHash).toBeUndefined();
    expect(endOf(outcome)).toBe("ok");
  });

  it("where the guest returned an error", () => {
    const outcome = run("refuses");
    expect(outcome).toMatchObject({ ...nothing, events: [], xcalls: [], logs: ["line"] });
    expect(outcome.returns).toEqual({
      failure: {
        kind: "ExecutionError",
        message: "the method call returned an error: [110, 111]",
        data: Uint8Array.from(Buffer.from("no")),
      },
    });
  });

  it("where it trapped", () => {
    const outcome = run("traps");
    expect(outcome).toMatchObject({ ...nothing, events: [], xcalls: [] });
    expect(outcome.migrationWitness).toBeUndefined();
    expect(endOf(outcome)).toBe("WasmTrap.Unreachable");
  });

  it("of a read, which says that it would have changed something", () => {
    const outcome = run("commits", { mode: "read" });
    expect(outcome).toMatchObject(nothing);
    expect(outcome.rootHash).toBeUndefined();
    expect(endOf(outcome)).toBe("ok");
  });

  it("and nothing would have been changed by a view, even one that mends its index", () => {
    expect(run("views", { mode: "read" })).toMatchObject({ rows: [], mutates: false });
    expect(run("mends_its_index", { mode: "read" })).toMatchObject({ rows: [], mutates: false });
    expect(run("says_nothing").returns).toEqual({ ok: undefined });
  });
});

describe("the registration hook", () => {
  const hooked = async (hook: string, method = ""): Promise<string> => {
    const at = new Layout();
    const log = callText(["log_utf8", at.buffer("hook")]);
    const after = callText(["log_utf8", at.buffer("method")]);
    return stage.install(await guest({ __calimero_register_merge: `${log} ${hook}`, run: `${after} ${method}` }, at));
  };

  it("runs before the method, and its gas counts", async () => {
    const outcome = stage.run(requestOf(await hooked("(drop (i32.const 1))"), "run"));
    const longer = stage.run(requestOf(await hooked("(drop (i32.const 1)) (drop (i32.const 1))"), "run"));
    expect(outcome.logs).toEqual(["hook", "method"]);
    expect(longer.gasUsed).toBe(outcome.gasUsed + 2n);
  });

  it.each([
    ["traps", "unreachable"],
    ["misuses the host", "(call $commit (i64.const -1) (i64.const 0))"],
  ])("may fail: it %s", async (_what, hook) => {
    const outcome = stage.run(requestOf(await hooked(hook), "run"));
    expect(endOf(outcome)).toBe("ok");
    expect(outcome.logs).toEqual(["hook", "method"]);
  });

  it("does not answer for what the method does", async () => {
    const outcome = stage.run(
      requestOf(await hooked("(call $commit (i64.const -1) (i64.const 0))", "unreachable"), "run"),
    );
    expect(endOf(outcome)).toBe("WasmTrap.Unreachable");
  });

  it("leaves no gas where it used all of it", async () => {
    const request = { limits: limitsOf({ maxGas: 100_000n }) };
    const outcome = stage.run(requestOf(await hooked("(loop $l (br $l))"), "run", request));
    expect(endOf(outcome)).toBe("GasExhausted");
    expect(outcome.gasUsed).toBe(100_000n);
    expect(outcome.logs).toEqual(["hook"]);
  });

  it("leaves the whole stack where it used all of it", async () => {
    const text = `(module (memory (export "memory") 1)
      (func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "__calimero_register_merge") (call $deep (i32.const 1000000)))
      (func (export "run") (call $deep (i32.const 100))))`;
    const outcome = stage.run(requestOf(await stage.install(await prepared(text)), "run"));
    expect(endOf(outcome)).toBe("ok");
  });
});
