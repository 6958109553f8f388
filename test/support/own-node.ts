/**
 * A real node of its own for a test, in this process and behind the embedded guard. Its wall clock can be moved on, so that
 * what lasts hours is over at once.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "@shoal/node/config/config.ts";
import { initNode } from "@shoal/node/config/init.ts";
import { startNode, type Node } from "@shoal/node/node.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { hours, plus, type DurationMs, milliseconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { freePort } from "./free-port.ts";

export const USER = "ada";
export const PASSWORD = "correct horse battery";

export interface OwnNode {
  readonly folder: string;
  readonly url: string;
  /** Every access token that there is expires. */
  expireTokens(): void;
  stop(): Promise<void>;
  /** Starts it again, at the address that it had. */
  start(): Promise<void>;
  leave(): Promise<void>;
}

export async function openOwnNode(): Promise<OwnNode> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-own-node-"));
  const { directory, configPath } = await initNode({
    home: join(folder, "nodes"),
    name: "own",
    options: {
      serverHost: ["127.0.0.1"],
      serverPort: await freePort(),
      swarmHost: ["127.0.0.1"],
      swarmPort: 0,
      mdns: false,
      authMode: "embedded",
      administrator: { username: USER, password: new Secret(PASSWORD) },
    },
    env: {},
    clock: systemClock,
    random: systemRandom,
  });
  const text = await readFile(configPath, "utf8");
  let ahead: DurationMs = milliseconds(0);
  const start = (config: string): Promise<Node> =>
    startNode({
      config: parseConfig(config, { directory, env: {} }),
      version: "0.0.0",
      clock: { ...systemClock, now: () => plus(systemClock.now(), ahead) },
      random: systemRandom,
      log: silentLog,
      memoryBytes: () => 1,
    });
  let node = await start(text);
  const [url = ""] = node.urls;
  return {
    folder,
    url,
    expireTokens: () => void (ahead = milliseconds(ahead + hours(2))),
    stop: () => node.close(),
    start: async () => {
      node = await start(text);
    },
    leave: async () => {
      await node.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
