#!/usr/bin/env node
/** `shoal-app <app-folder> [--out dir] [--key file]`: builds an app. Exit code 1: the app is at fault; 2: the command is. */
import { parseArgs } from "node:util";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { build, type BuildInput } from "./build.ts";
import { BuildError, problemText } from "./problem.ts";

const USAGE = "usage: shoal-app <app-folder> [--out dir] [--key file]";

function inputOf(args: readonly string[]): BuildInput | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { out: { type: "string" }, key: { type: "string" } },
      allowPositionals: true,
    });
    const [folder] = positionals;
    if (folder === undefined || positionals.length > 1) return undefined;
    const { out, key } = values;
    return { folder, ...(out === undefined ? {} : { out }), ...(key === undefined ? {} : { key }) };
  } catch (thrown) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    return undefined;
  }
}

const input = inputOf(process.argv.slice(2));
if (input === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  try {
    const { wasm, abi, bundle, wasmBytes, bundleBytes } = await build(input);
    process.stdout.write(`${wasm} (${wasmBytes} bytes)\n${abi}\n${bundle} (${bundleBytes} bytes)\n`);
  } catch (thrown) {
    const lines = thrown instanceof BuildError ? thrown.problems.map(problemText) : [messageOf(thrown)];
    process.stderr.write(`${lines.join("\n")}\n`);
    process.exitCode = 1;
  }
}
