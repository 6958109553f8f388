#!/usr/bin/env node
/** The process: arguments in, text and an exit code out. Everything that can go wrong ends here, in a sentence. */
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { timestamp } from "@shoal/shared/base/time.ts";
import { EXIT, failureOf } from "./failure.ts";
import { createProgram } from "./program.ts";
import type { Runtime } from "./session.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first asks what runs to end, the second does not ask.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
}
// A reader that has seen enough, such as `head`, is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EXIT.done : EXIT.failed));
}

const runtime: Runtime = {
  env: process.env,
  cwd: process.cwd(),
  signal: interrupt.signal,
  streams: {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    now: () => timestamp(Date.now()),
  },
  connection: undefined,
  exitCode: EXIT.done,
};

async function run(args: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const program = createProgram(runtime, version);
  try {
    await program.parseAsync(args, { from: "user" });
    return runtime.exitCode;
  } catch (thrown) {
    // Commander has said it already. Help that was asked for is no failure, help in place of a command is.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    const format = program.opts<{ output: "json" | "table" }>().output;
    const { text, exitCode } = failureOf(thrown, format, {
      connection: runtime.connection,
      group: program.args[0] ?? "",
    });
    runtime.streams.stderr(text);
    return exitCode;
  }
}

process.exitCode = await run(process.argv.slice(2));
