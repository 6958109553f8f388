#!/usr/bin/env node
/** The process: its streams, its signals and its exit code. */
import { readFileSync } from "node:fs";
import { timestamp } from "@shoal/shared/base/time.ts";
import { EXIT } from "./failure.ts";
import { run } from "./run.ts";
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
  node: undefined,
  exitCode: EXIT.done,
};

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
process.exitCode = await run(runtime, version, process.argv.slice(2));
