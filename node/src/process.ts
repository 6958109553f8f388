/**
 * The node as a process: `shoal-node --home DIR --node NAME [--auth-mode MODE]`, or the same by environment, which is how the
 * container is told. Ends cleanly on SIGTERM and SIGINT; a second signal ends it at once.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { homeOf } from "./config/config.ts";
import { runNode } from "./run.ts";

/** Resolves when the node serves, or has said why it does not. `threads`: the program of its threads, where it is bundled. */
export async function runProcess(threads?: URL): Promise<void> {
  const { values } = parseArgs({
    options: {
      home: { type: "string" },
      node: { type: "string", default: process.env["SHOAL_NODE_NAME"] ?? "default" },
      "auth-mode": { type: "string" },
      "log-level": { type: "string", default: process.env["SHOAL_LOG_LEVEL"] ?? "info" },
    },
  });

  try {
    const authMode = modeOf(values["auth-mode"]);
    const node = await runNode({
      home: resolve(values.home ?? homeOf(process.env)),
      name: values.node,
      env: process.env,
      logLevel: values["log-level"],
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

function modeOf(given: string | undefined): "proxy" | "embedded" | undefined {
  if (given === undefined || given === "proxy" || given === "embedded") return given;
  throw new Error(`--auth-mode: expected proxy or embedded, not ${given}`);
}
