/** Every import of the host ABI, called from a guest. One that has no case fails here. */
import { G1_CONTEXT_CALLS, IMPORTS } from "@shoal/node/runtime/abi.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Case, Cases, Expected } from "./cases/case.ts";
import { collectionCases } from "./cases/collections.ts";
import { hostCases } from "./cases/host.ts";
import { indexAndBlobCases } from "./cases/index-and-blobs.ts";
import { guest, Layout, prepared, scriptBody, type Step, toldOf } from "./guest.ts";
import { endOf, openStage, requestOf, returnedBy, type Stage } from "./stage.ts";

/** Those of other generations link and end the run. */
const foreignCases: Cases = Object.fromEntries(
  Object.entries(IMPORTS)
    .filter(([, { since }]) => since === "G1" || since === "G4")
    .map(([name, { params }]): [string, Case] => [
      name,
      { steps: () => [[name, ...params.map(() => 0)]], ends: "HostError.UnsupportedFunction" },
    ]),
);

const cases: Cases = { ...hostCases, ...indexAndBlobCases, ...collectionCases, ...foreignCases };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** A context of its own for each case, so that none sees what another left. */
let contexts = 0;

async function script(steps: (layout: Layout) => readonly Step[]): Promise<string> {
  const layout = new Layout();
  const body = scriptBody(steps(layout));
  return stage.install(await guest({ run: body }, layout));
}

describe("an import does what the ABI says", () => {
  it.each(Object.keys(IMPORTS))("%s", async (name) => {
    const tried = cases[name];
    if (tried === undefined) throw new Error(`no case exercises ${name}`);
    contexts += 1;
    const context = new Uint8Array(32);
    new DataView(context.buffer).setUint32(0, contexts);
    // What answers with the context is asked in the one that it expects.
    const request = { ...(/context_id|announce/.test(name) ? {} : { context }), ...tried.request };
    const { before } = tried;
    if (before !== undefined) {
      const prepared = await stage.apply(requestOf(await script(before), "run", request));
      expect(endOf(prepared)).toBe("ok");
      expect(prepared.rows.length).toBeGreaterThan(0);
    }
    const calls: string[] = [];
    const module = await script((layout) => {
      const steps = tried.steps(layout);
      calls.push(...steps.map(([called]) => called));
      return steps;
    });
    expect(calls).toContain(name);
    const outcome = stage.run(requestOf(module, "run", request));
    expect(endOf(outcome)).toBe(tried.ends ?? "ok");
    if (tried.tells !== undefined) expect(compared(returnedBy(outcome), tried.tells)).toEqual(tried.tells.map(wanted));
  });
});

/** What the steps told, with only as much of it as was expected of each. */
function compared(returned: Uint8Array, expected: readonly Expected[]): unknown[] {
  const told = toldOf(returned);
  expect(told).toHaveLength(expected.length);
  return told.map(({ result, register }, at) =>
    expected[at]?.[1] === undefined ? [result] : [result, register && Buffer.from(register).toString("hex")],
  );
}

function wanted([result, register]: Expected): unknown[] {
  const hex = typeof register === "string" ? Buffer.from(register) : register && Buffer.from(register);
  return hex === undefined ? [BigInt(result)] : [BigInt(result), hex.toString("hex")];
}

describe("names that nobody knows", () => {
  it.each([...G1_CONTEXT_CALLS, "never_heard_of", "constructor"])(
    "%s links, and its name is the trap's",
    async (name) => {
      const module = await stage.install(
        await prepared(`(module
        (import "env" "${name}" (func $strange (param i64 i64 i64 i64 i64 i32) (result i64)))
        (memory (export "memory") 1)
        (func (export "quiet"))
        (func (export "run")
          (drop (call $strange (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i32.const 0)))))`),
      );
      expect(endOf(stage.run(requestOf(module, "quiet")))).toBe("ok");
      const outcome = stage.run(requestOf(module, "run"));
      expect(endOf(outcome)).toBe("HostError.UnsupportedFunction");
      expect(JSON.stringify(outcome.returns)).toContain(name);
    },
  );
});
