/** The command tree in this process: a call of `shoal` is what a process of the command line would do, without starting one. */
import { join } from "node:path";
import { run } from "@shoal/cli/run.ts";
import type { Runtime } from "@shoal/cli/session.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import { PASSWORD } from "../../support/own-node.ts";
import type { Ended } from "./shoal.ts";

export interface NodeShell {
  /** Where commands keep what they know; for processes of the command line as well. */
  readonly env: NodeJS.ProcessEnv;
  shoal(...args: readonly string[]): Promise<Ended>;
  /** What a command wrote to standard output, without the last line end; rejects where the command fails. */
  out(...args: readonly string[]): Promise<string>;
  /** What a command says with `--output json`. */
  json<T = Record<string, unknown>>(...args: readonly string[]): Promise<T>;
  /** As `shoal`, until the signal; `write` gets standard output as it comes. */
  until(signal: AbortSignal, write: (text: string) => void, ...args: readonly string[]): Promise<Ended>;
}

export function nodeShell(folder: string): NodeShell {
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, "config"),
    SHOAL_NODE_PASSWORD: PASSWORD,
  };
  const until: NodeShell["until"] = async (signal, write, ...args) => {
    let [out, err] = ["", ""];
    const runtime: Runtime = {
      env,
      cwd: folder,
      signal,
      streams: {
        stdout: (text) => {
          out += text;
          write(text);
        },
        stderr: (text) => void (err += text),
        now: () => timestamp(Date.now()),
      },
      connection: undefined,
      node: undefined,
      exitCode: 0,
    };
    return { code: await run(runtime, "0.0.0", args), out, err };
  };
  const shoal: NodeShell["shoal"] = (...args) => until(new AbortController().signal, () => undefined, ...args);
  const out: NodeShell["out"] = async (...args) => {
    const ended = await shoal(...args);
    if (ended.code !== 0) throw new Error(`shoal ${args.join(" ")} exits ${String(ended.code)}: ${ended.err}`);
    return ended.out.trimEnd();
  };
  return {
    env,
    shoal,
    out,
    until,
    json: async <T>(...args: readonly string[]) => JSON.parse(await out(...args, "--output", "json")) as T,
  };
}
