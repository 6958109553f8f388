/** `shoal node`: nodes on this machine, and which node other commands talk to. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { Option, type Command } from "commander";
import type { InitOptions } from "@shoal/node/config/new-config.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { details, table } from "../output.ts";
import { outputOf, text, texts, type Options, type Runtime } from "../session.ts";
import { changeNodes, readNodes } from "../settings/nodes.ts";
import { actOnNode, nodeFlags } from "./session.ts";

const DEFAULT_NAME = "default";

export function addNodes(parent: Command, runtime: Runtime): void {
  const group = parent.command("node").description("nodes on this machine, and the node that commands talk to");
  addInit(group, runtime);
  addConfig(group, runtime);
  local(group.command("run"))
    .option("--auth-mode <mode>", "embedded or proxy; default: what the configuration says")
    .option("--log-level <level>", "trace, debug, info, warn, error", "info")
    .description("Runs a node until Ctrl-C")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { runNode } = await import("@shoal/node/run.ts");
      const authMode = text(options, "authMode");
      if (authMode !== undefined && authMode !== "proxy" && authMode !== "embedded") {
        throw new ShoalError("invalid_argument", "expected proxy or embedded", { field: "auth-mode" });
      }
      const node = await runNode({
        ...(await placeOf(runtime, options)),
        env: runtime.env,
        logLevel: text(options, "logLevel") ?? "info",
        ...(authMode === undefined ? {} : { authMode }),
      });
      const output = outputOf(runtime, options);
      output.step({ ready: true, urls: node.urls }, () => `the node serves at ${node.urls.join(", ")}; Ctrl-C ends it`);
      await new Promise<void>((end) => {
        if (runtime.signal.aborted) end();
        else runtime.signal.addEventListener("abort", () => end(), { once: true });
      });
      await node.close();
    });
  nodeFlags(group.command("status"))
    .description("Whether the node is well, and what it holds")
    .action(
      actOnNode(runtime, async ({ node, output, connection, signal }) => {
        const ready = await node.call("node.adminReady", { signal });
        const status = { url: connection.url, ...flat(ready) };
        output.result(status, "ready", (now) => details(status, now));
      }),
    );
  addKnown(group, runtime);
}

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

function addInit(group: Command, runtime: Runtime): void {
  local(group.command("init"))
    .option("--server-host <host...>", "addresses that clients reach the node at")
    .option("--server-port <port>", "their port", Number)
    .option("--swarm-host <host...>", "addresses that peers reach the node at")
    .option("--swarm-port <port>", "their port", Number)
    .option("--boot-nodes <multiaddress...>", "peers to begin with")
    .addOption(new Option("--boot-network <name>", "known peers").choices(["calimero-dev", "ipfs"]))
    .addOption(new Option("--auth-mode <mode>", "who judges callers").choices(["proxy", "embedded"]))
    .addOption(new Option("--auth-storage <kind>", "where keys are kept").choices(["persistent", "memory"]))
    .option("--auth-storage-path <folder>", "a store of its own for keys")
    .addOption(new Option("--mode <mode>").choices(["standard", "read-only"]))
    .option("--mdns", "find peers in the local network")
    .option("--no-mdns", "do not")
    .option("--external-address <multiaddress...>", "where others reach the node")
    .option("--admin-user <name>", "the first administrator (MERO_AUTH_ADMIN_USER)")
    .option("--admin-password-file <file>", "their password")
    .option("--admin-password-stdin", "their password, from standard input")
    .option("--no-admin", "make none")
    .option("--force", "replace a node of that name, with all that it holds")
    .description("Makes a node: its folder, its keys, its configuration")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { initNode } = await import("@shoal/node/config/init.ts");
      const made = await initNode({
        ...(await placeOf(runtime, options)),
        options: await initOptions(options),
        env: runtime.env,
        clock: systemClock,
        random: systemRandom,
      });
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
  if (options["admin"] === false) given["noAdministrator"] = true;
  const username = text(options, "adminUser");
  if (username !== undefined) given["administrator"] = { username, password: new Secret(await adminPassword(options)) };
  return given;
}

async function adminPassword(options: Options): Promise<string> {
  const file = text(options, "adminPasswordFile");
  if (file !== undefined) return (await readFile(file, "utf8")).replace(/\r?\n$/, "");
  if (options["adminPasswordStdin"] === true) return (await readAll(process.stdin)).replace(/\r?\n$/, "");
  throw new ShoalError("invalid_argument", "add --admin-password-file or --admin-password-stdin", {
    field: "admin-password",
  });
}

function addConfig(group: Command, runtime: Runtime): void {
  local(group.command("config"))
    .argument("[edits...]", "key=value to set, key to show; without any, everything is shown")
    .option("--print", "show the whole configuration afterwards")
    .description("Shows or changes a node's configuration")
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

function addKnown(group: Command, runtime: Runtime): void {
  group
    .command("add")
    .argument("<name>")
    .argument("<url>")
    .description("Remembers a node's address")
    .action(async (name: string, url: string, _options: unknown, command: Command) => {
      if (!URL.canParse(url)) throw new ShoalError("invalid_argument", "expected an address", { field: "url" });
      await changeNodes(runtime.env, (known) => ({
        current: known.current ?? name,
        nodes: { ...known.nodes, [name]: { url } },
      }));
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name, url }, name, () => `${name} is ${url}`);
    });
  group
    .command("use")
    .argument("<name>")
    .description("Makes a node the one that commands talk to")
    .action(async (name: string, _options: unknown, command: Command) => {
      await changeNodes(runtime.env, (known) => {
        if (Object.hasOwn(known.nodes, name)) return { ...known, current: name };
        throw new ShoalError("not_found", `no node ${name} is known`, { field: "name" });
      });
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name }, name, () => `commands talk to ${name}`);
    });
  group
    .command("list")
    .description("Nodes that are known here")
    .action(async (_options: unknown, command: Command) => {
      const { nodes, current } = await readNodes(runtime.env);
      const rows = Object.entries(nodes).map(([name, { url, tokens }]) => ({
        name,
        url,
        signedIn: tokens !== undefined,
        isCurrent: name === current,
      }));
      const columns = [
        { title: "", cell: (row: (typeof rows)[number]) => (row.isCurrent ? "*" : "") },
        { title: "name", cell: (row: (typeof rows)[number]) => row.name },
        { title: "url", cell: (row: (typeof rows)[number]) => row.url },
        { title: "signed in", cell: (row: (typeof rows)[number]) => (row.signedIn ? "yes" : "no") },
      ];
      const output = outputOf(runtime, command.optsWithGlobals<Options>());
      output.result(rows, rows.map(({ name }) => name).join("\n"), (now) => table(rows, columns, now));
    });
  group
    .command("remove")
    .argument("<name>")
    .description("Forgets a node's address and tokens; the node itself stays")
    .action(async (name: string, _options: unknown, command: Command) => {
      await changeNodes(runtime.env, (known) => {
        const nodes = Object.fromEntries(Object.entries(known.nodes).filter(([other]) => other !== name));
        return known.current === undefined || known.current === name ? { nodes } : { current: known.current, nodes };
      });
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name }, name, () => `${name} is forgotten`);
    });
}

function flat(answer: unknown): Readonly<Record<string, unknown>> {
  const { data } = answer as { readonly data?: Readonly<Record<string, unknown>> };
  return data ?? (answer as Readonly<Record<string, unknown>>);
}
