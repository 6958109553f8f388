/**
 * A node of its own for a test, in this process and behind the embedded guard, and the command tree against it: a call of
 * `shoal` is what a process of the command line would do, without starting one.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@shoal/cli/run.ts";
import type { Runtime } from "@shoal/cli/session.ts";
import { initNode } from "@shoal/node/config/init.ts";
import type { InitOptions } from "@shoal/node/config/new-config.ts";
import type { Node } from "@shoal/node/node.ts";
import { runNode } from "@shoal/node/run.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Ended } from "./shoal.ts";

export const USER = "ada";
export const PASSWORD = "correct horse battery";

export interface OwnNode {
  readonly folder: string;
  readonly url: string;
  /** Where commands keep what they know; also for processes of the command line. */
  readonly env: NodeJS.ProcessEnv;
  /** The command tree, with an environment of its own where one is given. */
  shoal(...args: readonly string[]): Promise<Ended>;
  /** What a command wrote to standard output, without the last line end; fails where the command does. */
  out(...args: readonly string[]): Promise<string>;
  /** What a command says with `--output json`. */
  json<T = Record<string, unknown>>(...args: readonly string[]): Promise<T>;
  /** As `shoal`, until the signal. */
  until(signal: AbortSignal, write: (text: string) => void, ...args: readonly string[]): Promise<Ended>;
  stop(): Promise<void>;
  /** Starts it again, at the address that it had. */
  start(): Promise<void>;
  leave(): Promise<void>;
}

/** `edit` changes the configuration before the node starts. */
export async function openOwnNode(edit: (config: string) => string = (config) => config): Promise<OwnNode> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-own-node-"));
  const home = join(folder, "nodes");
  const options: InitOptions = {
    serverHost: ["127.0.0.1"],
    serverPort: 0,
    authMode: "embedded",
    administrator: { username: USER, password: new Secret(PASSWORD) },
  };
  const { configPath } = await initNode({
    home,
    name: "own",
    options,
    env: {},
    clock: systemClock,
    random: systemRandom,
  });
  await edited(configPath, edit);
  const start = (): Promise<Node> => runNode({ home, name: "own", env: {}, logLevel: "fatal" });
  let node = await start();
  const [url = ""] = node.urls;
  await edited(configPath, (config) => config.replaceAll(/\/tcp\/0"/g, `/tcp/${new URL(url).port}"`));

  const env: NodeJS.ProcessEnv = { XDG_CONFIG_HOME: join(folder, "config"), HOME: folder, PATH: process.env["PATH"] };
  const until: OwnNode["until"] = async (signal, write, ...args) => {
    let [out, err] = ["", ""];
    const runtime: Runtime = {
      env: { ...env, SHOAL_NODE_PASSWORD: PASSWORD },
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
    const code = await run(runtime, "0.0.0", args);
    return { code, out, err };
  };
  const shoal: OwnNode["shoal"] = (...args) => until(new AbortController().signal, () => undefined, ...args);
  const out: OwnNode["out"] = async (...args) => {
    const ended = await shoal(...args);
    if (ended.code !== 0) throw new Error(`shoal ${args.join(" ")} exits ${String(ended.code)}: ${ended.err}`);
    return ended.out.trimEnd();
  };
  return {
    folder,
    url,
    env,
    shoal,
    out,
    until,
    json: async <T>(...args: readonly string[]) => JSON.parse(await out(...args, "--output", "json")) as T,
    stop: () => node.close(),
    start: async () => {
      node = await start();
    },
    leave: async () => {
      await node.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function edited(path: string, edit: (config: string) => string): Promise<void> {
  const { readFile } = await import("node:fs/promises");
  await writeFile(path, edit(await readFile(path, "utf8")));
}
