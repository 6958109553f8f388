/**
 * The node as a process: `shoal-node --home DIR --node NAME [--init] [--auth-mode MODE]`, or the same by environment, which is how the
 * container is told. Ends cleanly on SIGTERM and SIGINT; a second signal ends it at once.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { homeOf } from "./config/config.ts";
import { initNode, type InitInput } from "./config/init.ts";
import { runNode } from "./run.ts";

/** `init` makes the node where there is none; its host and port are of use only then. */
const OPTIONS = {
  home: { type: "string" },
  node: { type: "string" },
  init: { type: "boolean" },
  "server-host": { type: "string" },
  "server-port": { type: "string" },
  "auth-mode": { type: "string" },
  "log-level": { type: "string" },
} as const;

/** Resolves when the node serves, or has said why it does not. `threads`: the program of its threads, where it is bundled. */
export async function runProcess(threads?: URL): Promise<void> {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const authMode = modeOf(values["auth-mode"]);
    const home = resolve(values.home ?? homeOf(process.env));
    const name = values.node ?? process.env["SHOAL_NODE_NAME"] ?? "default";
    if (values.init === true) {
      const options = {
        serverHost: [values["server-host"] ?? "0.0.0.0"],
        ...(values["server-port"] === undefined ? {} : { serverPort: Number(values["server-port"]) }),
        authMode: authMode ?? "embedded",
      } as const;
      await makeWhereNone({ home, name, options, env: process.env, clock: systemClock, random: systemRandom });
    }
    const node = await runNode({
      home,
      name,
      env: process.env,
      logLevel: values["log-level"] ?? process.env["SHOAL_LOG_LEVEL"] ?? "info",
      ...(authMode === undefined ? {} : { authMode }),
      ...(threads === undefined ? {} : { threads }),
    });
    process.stdout.write(`${JSON.stringify({ ready: true, urls: node.urls })}\n`);
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => void node.close().then(() => process.exit(0)));
    }
  } catch (thrown) {
    process.stderr.write(`shoal-node: ${messageOf(thrown)}\n`);
    process.exitCode = 1;
  }
}

/** A container starts on an empty volume the first time, and on its own node ever after. */
async function makeWhereNone(input: InitInput): Promise<void> {
  try {
    await initNode(input);
  } catch (thrown) {
    if (!(thrown instanceof ShoalError) || thrown.code !== "already_exists") throw thrown;
  }
}

function modeOf(given: string | undefined): "proxy" | "embedded" | undefined {
  if (given === undefined || given === "proxy" || given === "embedded") return given;
  throw new Error(`--auth-mode: expected proxy or embedded, not ${given}`);
}
