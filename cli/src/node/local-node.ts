/** `shoal node init`, `config`, `run` and `up`: a node of this machine, by the folder that it lives in. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Option, type Command } from "commander";
import type { InitOptions } from "@shoal/node/config/new-config.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { details } from "../output.ts";
import { outputOf, text, texts, type Options, type Runtime } from "../session.ts";
import { readStdin, wholeNumber, withoutLineEnd } from "./input.ts";

const DEFAULT_NAME = "default";
const AUTH_MODES = ["proxy", "embedded"] as const;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

/** Flags that say which node of this machine is meant. */
function local(command: Command): Command {
  return command
    .option("--home <folder>", "where nodes are (CALIMERO_HOME; default ~/.calimero)")
    .option("--node <name>", "which of them", DEFAULT_NAME);
}

async function placeOf(runtime: Runtime, options: Options): Promise<{ readonly home: string; readonly name: string }> {
  const { homeOf } = await import("@shoal/node/config/config.ts");
  return {
    home: resolve(runtime.cwd, text(options, "home") ?? homeOf(runtime.env)),
    name: text(options, "node") ?? DEFAULT_NAME,
  };
}

export function addLocalNode(group: Command, runtime: Runtime): void {
  addInit(group, runtime);
  addConfig(group, runtime);
  addRun(group, runtime);
  addUp(group, runtime);
}

function addUp(group: Command, runtime: Runtime): void {
  initFlags(local(group.command("up")))
    .addOption(new Option("--log-level <level>").choices(LOG_LEVELS).default("info"))
    .description("Makes a node where there is none of that name, and runs it until Ctrl-C")
    .addHelpText("after", "\nExample: shoal node up --node ada --no-admin --server-port 2601 --swarm-port 2701")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      await make(runtime, options).catch((thrown: unknown) => {
        if (!(thrown instanceof ShoalError) || thrown.code !== "already_exists") throw thrown;
      });
      await run(runtime, options);
    });
}

function addRun(group: Command, runtime: Runtime): void {
  local(group.command("run"))
    .addOption(
      new Option("--auth-mode <mode>", "who judges callers; default: what the configuration says").choices(AUTH_MODES),
    )
    .addOption(new Option("--log-level <level>").choices(LOG_LEVELS).default("info"))
    .description("Runs a node until Ctrl-C")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      await run(runtime, options);
    });
}

async function run(runtime: Runtime, options: Options): Promise<void> {
  const { runNode } = await import("@shoal/node/run.ts");
  const authMode = AUTH_MODES.find((mode) => mode === text(options, "authMode"));
  const node = await runNode({
    ...(await placeOf(runtime, options)),
    env: runtime.env,
    logLevel: text(options, "logLevel") ?? "info",
    ...(authMode === undefined ? {} : { authMode }),
  });
  const output = outputOf(runtime, options);
  const [url = ""] = node.urls;
  const { urls, addresses } = node;
  const told = [`the node serves at ${urls.join(", ")}; Ctrl-C ends it`, ...addresses.map((each) => `peers: ${each}`)];
  output.step({ ready: true, urls, addresses }, () => (output.isQuiet ? url : told.join("\n")));
  await new Promise<void>((end) => {
    if (runtime.signal.aborted) end();
    else runtime.signal.addEventListener("abort", () => end(), { once: true });
  });
  await node.close();
}

/** What a new node is told. */
function initFlags(command: Command): Command {
  return command
    .option("--server-host <host...>", "addresses that clients reach the node at")
    .option("--server-port <port>", "their port", wholeNumber(0))
    .option("--swarm-host <host...>", "addresses that peers reach the node at")
    .option("--swarm-port <port>", "their port", wholeNumber(0))
    .option("--swarm-ws-port <port>", "the port for browser tabs; 200 above theirs by default", wholeNumber(0))
    .option("--boot-nodes <multiaddress...>", "peers to begin with")
    .addOption(new Option("--boot-network <name>", "known peers").choices(["calimero-dev", "ipfs"]))
    .addOption(new Option("--auth-mode <mode>", "who judges callers").choices(AUTH_MODES))
    .addOption(new Option("--auth-storage <kind>", "where keys are kept").choices(["persistent", "memory"]))
    .option("--auth-storage-path <folder>", "a store of its own for keys")
    .addOption(new Option("--mode <mode>").choices(["standard", "read-only"]))
    .option("--mdns", "find peers in the local network")
    .option("--no-mdns", "do not")
    .option("--external-address <multiaddress...>", "where others reach the node")
    .option("--admin-user <name>", "the first administrator (MERO_AUTH_ADMIN_USER)")
    .option("--admin-password-file <file>", "their password")
    .option("--admin-password-stdin", "their password, from standard input")
    .option("--no-admin", "make none");
}

function addInit(group: Command, runtime: Runtime): void {
  initFlags(local(group.command("init")))
    .option("--force", "replace a node of that name, with all that it holds")
    .description("Makes a node: its folder, its keys, its configuration")
    .addHelpText("after", "\nExample: shoal node init --auth-mode embedded --admin-user ada --admin-password-file pw")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const made = await make(runtime, options);
      const output = outputOf(runtime, options);
      output.result(made, made.directory, (now) =>
        details(
          {
            folder: made.directory,
            peer: made.peerId,
            account: made.account,
            administrator: made.administrator ?? null,
          },
          now,
        ),
      );
      for (const warning of made.warnings) output.note(warning);
    });
}

async function make(runtime: Runtime, options: Options) {
  const { initNode } = await import("@shoal/node/config/init.ts");
  return initNode({
    ...(await placeOf(runtime, options)),
    options: await initOptions(options),
    env: runtime.env,
    clock: systemClock,
    random: systemRandom,
  });
}

async function initOptions(options: Options): Promise<InitOptions> {
  const lists = ["serverHost", "swarmHost", "bootNodes", "externalAddress"];
  const plain = [
    "serverPort",
    "swarmPort",
    "bootNetwork",
    "authMode",
    "authStorage",
    "authStoragePath",
    "mode",
    "mdns",
    "force",
  ];
  const given: Record<string, unknown> = {};
  for (const name of lists) if (texts(options, name).length > 0) given[name] = texts(options, name);
  for (const name of plain) if (options[name] !== undefined) given[name] = options[name];
  if (options["swarmWsPort"] !== undefined) given["swarmWebSocketPort"] = options["swarmWsPort"];
  if (options["admin"] === false) given["noAdministrator"] = true;
  const username = text(options, "adminUser");
  if (username !== undefined) given["administrator"] = { username, password: new Secret(await adminPassword(options)) };
  return given;
}

async function adminPassword(options: Options): Promise<string> {
  const file = text(options, "adminPasswordFile");
  if (file !== undefined) return withoutLineEnd(await readOption(file, "admin-password-file"));
  if (options["adminPasswordStdin"] === true) return withoutLineEnd(await readStdin());
  throw new ShoalError("invalid_argument", "add --admin-password-file or --admin-password-stdin", {
    field: "admin-password",
  });
}

function readOption(file: string, field: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new ShoalError("invalid_argument", `${file} cannot be read: ${messageOf(cause)}`, { field, cause });
  });
}

function addConfig(group: Command, runtime: Runtime): void {
  local(group.command("config"))
    .argument("[edits...]", "key=value to set, key to show; without any, everything is shown")
    .option("--print", "show the whole configuration afterwards")
    .description("Shows or changes a node's configuration")
    .addHelpText("after", "\nExample: shoal node config server.auth_mode='\"embedded\"' gc.check_interval=3600")
    .action(async (edits: readonly string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const [{ editConfig, showConfig }, { nodeDirectory }, { CONFIG_FILE }] = await Promise.all([
        import("@shoal/node/config/edit.ts"),
        import("@shoal/node/config/init.ts"),
        import("@shoal/node/config/config.ts"),
      ]);
      const { home, name } = await placeOf(runtime, options);
      const path = join(nodeDirectory(home, name), CONFIG_FILE);
      const output = outputOf(runtime, options);
      const format = output.format === "json" ? "json" : "toml";
      const changes = edits.filter((edit) => edit.includes("="));
      if (changes.length === 0) {
        const current = await readFile(path, "utf8").catch((cause: unknown) => {
          throw new ShoalError("not_found", `there is no node ${name} in ${home}`, { cause });
        });
        output.line(showConfig(current, edits, format));
        return;
      }
      if (changes.length < edits.length) {
        throw new ShoalError("invalid_argument", "either show keys or set them", { field: "edits" });
      }
      const next = await editConfig(path, changes, runtime.env);
      const changed = changes.map((edit) => edit.slice(0, edit.indexOf("=")).trim());
      output.line(showConfig(next, options["print"] === true ? [] : changed, format));
    });
}
