import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMeters, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { wat } from "../../../../support/wat.ts";
import { instantiate, prepare } from "./fixtures.ts";
import { Interpreter, type Execution } from "./interpreter.ts";
import { programOf } from "./programs.ts";

const LIMIT = 30_000n;
const STACK = 200 * 1024;

function runMetered(module: WebAssembly.Module, gas: bigint): Execution {
  const hostCalls: bigint[] = [];
  const instance = instantiate(module, {
    register_js_sdk_root_merge: () => void hostCalls.push(gas - readMeters(instance).gasLeft),
  });
  setMeters(instance, { gas, stackBytes: STACK });
  const results: number[] = [];
  let end: Execution["end"] = "done";
  try {
    results.push((instance.exports["run"] as (n: number) => number)(3));
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(WebAssembly.RuntimeError);
    end = readMeters(instance).exhausted === undefined ? "trap" : "exhausted";
  }
  const globals = [(instance.exports["value"] as WebAssembly.Global<number>).value];
  return { end, gas: gas - readMeters(instance).gasLeft, hostCalls, results, globals };
}

describe("gas", () => {
  it("is what counting operators one by one gives: at each host call and at the end, whatever the control flow", async () => {
    const ends = { done: 0, trap: 0, exhausted: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(255), { maxLength: 400, size: "max" }), async (choices) => {
        const bytes = await wat(programOf(choices));
        const module = new WebAssembly.Module(prepare(bytes).bytes);
        const counted = new Interpreter(bytes, 2).run("run", [3], LIMIT);
        const metered = runMetered(module, LIMIT);
        ends[counted.end]++;
        if (counted.end !== "done") {
          // Paying in advance may find that gas does not suffice before the trap comes; never the other way round.
          expect(metered.end).not.toBe("done");
          if (counted.end === "exhausted") expect(metered.end).toBe("exhausted");
          return;
        }
        expect(metered).toEqual(counted);
        expect(runMetered(module, counted.gas)).toEqual(counted);
        expect(runMetered(module, counted.gas - 1n).end).toBe("exhausted");
      }),
      { numRuns: 300 },
    );
    // The programs are no test if none of them gets anywhere.
    for (const count of Object.values(ends)) expect(count).toBeGreaterThan(0);
  });
});
