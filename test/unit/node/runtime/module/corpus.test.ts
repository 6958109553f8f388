/** The modules that the WebAssembly core specification's own tests say are malformed or invalid; see `corpus/README.md`. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ModuleError } from "@shoal/node/runtime/module/error.ts";
import { prepare } from "./fixtures.ts";

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: string;
}

const CASES: readonly Case[] = gunzipSync(readFileSync(new URL("corpus/refused.txt.gz", import.meta.url)))
  .toString("utf8")
  .trim()
  .split("\n")
  .map((line) => {
    const [name = "", kind = "", base64 = "", ...message] = line.split(" ");
    return {
      name: `${name} ${kind}`,
      bytes: new Uint8Array(Buffer.from(base64, "base64")),
      expected: message.join(" "),
    };
  });

/** Reasons that are no verdict on the module, but on what would have been one of a valid module as well. */
const POLICY = /not supported|only functions can be imported/u;

describe("the core specification's refused modules", () => {
  it("are all here", () => {
    expect(CASES).toHaveLength(2275);
  });

  it("are all refused: as malformed or invalid, or for the unsupported proposal or import that they use", () => {
    const wrong: string[] = [];
    let verdicts = 0;
    for (const { name, bytes, expected } of CASES) {
      try {
        prepare(bytes);
        wrong.push(`${name} was accepted: ${expected}`);
      } catch (thrown) {
        if (!(thrown instanceof ModuleError)) wrong.push(`${name}: ${String(thrown)}`);
        else if (thrown.kind === "CompilationError") verdicts++;
        else if (!POLICY.test(thrown.message)) wrong.push(`${name} (${expected}): ${thrown.message}`);
        if (thrown instanceof ModuleError && thrown.message.length < 8) wrong.push(`${name}: no reason is given`);
      }
    }
    expect(wrong).toEqual([]);
    expect(verdicts).toBeGreaterThan(2100);
  });
});
