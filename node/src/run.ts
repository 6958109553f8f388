/** `run`: the node of a directory in this process, until a signal. Shared by the command line and the container. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { CONFIG_FILE, parseConfig, type NodeConfig } from "./config/config.ts";
import { nodeDirectory } from "./config/init.ts";
import { onUncaught } from "./network/libp2p/strays.ts";
import { startNode, type Node } from "./node.ts";
import { storageKeyOf } from "./kms/storage-key.ts";
import { VERSION } from "./version.ts";

export interface RunOptions {
  /** Where nodes are; absolute. */
  readonly home: string;
  readonly name: string;
  readonly authMode?: "proxy" | "embedded";
  readonly env: NodeJS.ProcessEnv;
  readonly logLevel?: string;
  /** The program of the node's threads, where it is bundled. */
  readonly threads?: URL;
}

/** Starts the node; throws `not_found` where there is none of that name. */
export async function runNode(options: RunOptions): Promise<Node> {
  const directory = nodeDirectory(options.home, options.name);
  const config = await readConfig(directory, options);
  const log = pino(
    { level: options.logLevel ?? "info", base: { node: options.name } },
    pino.destination({ fd: 2, sync: false }),
  );
  for (const warning of config.warnings) log.warn(warning);
  const uncaught = onUncaught(log, () => process.exit(1));
  process.on("uncaughtException", uncaught);
  process.on("unhandledRejection", uncaught);
  const storageKey = await storageKeyOf(config, log);
  const tabFolder = options.env["SHOAL_TAB_FOLDER"];
  return startNode({
    config,
    ...(storageKey === undefined ? {} : { storageKey }),
    version: VERSION,
    clock: systemClock,
    random: systemRandom,
    log,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(tabFolder === undefined ? {} : { tabFolder }),
    memoryBytes: () => process.memoryUsage.rss(),
  });
}

async function readConfig(directory: string, { env, authMode, name }: RunOptions): Promise<NodeConfig> {
  const path = join(directory, CONFIG_FILE);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      throw new ShoalError("not_found", `there is no node ${name} in ${directory}: make one with init`, { cause });
    }
    throw new ShoalError("unavailable", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
  return parseConfig(text, { directory, env, ...(authMode === undefined ? {} : { authMode }) });
}
