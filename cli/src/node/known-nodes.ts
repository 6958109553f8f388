/** `shoal node add`, `use`, `list` and `remove`: nodes whose address is kept here. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { table, type Column } from "../output.ts";
import { outputOf, type Options, type Runtime } from "../session.ts";
import { isSameAddress } from "../settings/connection.ts";
import { changeNodes, nodeOf, readNodes } from "../settings/nodes.ts";

interface Row {
  readonly name: string;
  readonly url: string;
  readonly signedIn: boolean;
  readonly isCurrent: boolean;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "", cell: ({ isCurrent }) => (isCurrent ? "*" : " ") },
  { title: "name", cell: ({ name }) => name },
  { title: "url", cell: ({ url }) => url },
  { title: "signed in", cell: ({ signedIn }) => (signedIn ? "yes" : "no") },
];

export function addKnownNodes(group: Command, runtime: Runtime): void {
  group
    .command("add")
    .argument("<name>")
    .argument("<url>")
    .description("Remembers a node's address; the first one becomes the node in use")
    .addHelpText("after", "\nExample: shoal node add home http://127.0.0.1:2528")
    .action(async (name: string, url: string, _options: unknown, command: Command) => {
      if (!/^https?:\/\//.test(url) || !URL.canParse(url))
        throw new ShoalError("invalid_argument", "expected an address such as http://127.0.0.1:2528", { field: "url" });
      await changeNodes(runtime.env, (known) => {
        const before = nodeOf(known, name);
        // A sign-in is for one address: it stays only where that does.
        const node = before !== undefined && isSameAddress(before.url, url) ? before : { url };
        return { current: known.current ?? name, nodes: { ...known.nodes, [name]: node } };
      });
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name, url }, name, () => `${name} is ${url}`);
    });
  group
    .command("use")
    .argument("<name>")
    .description("Makes a node the one that commands talk to")
    .action(async (name: string, _options: unknown, command: Command) => {
      await changeNodes(runtime.env, (known) => {
        if (nodeOf(known, name) !== undefined) return { ...known, current: name };
        throw new ShoalError("not_found", `no node ${name} is known`, { field: "name" });
      });
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name }, name, () => `commands talk to ${name}`);
    });
  group
    .command("list")
    .description("Nodes that are known here")
    .action(async (_options: unknown, command: Command) => {
      const { nodes, current } = await readNodes(runtime.env);
      const rows = Object.entries(nodes).map(([name, { url, tokens, isSpent }]) => ({
        name,
        url,
        signedIn: tokens !== undefined && isSpent !== true,
        isCurrent: name === current,
      }));
      const output = outputOf(runtime, command.optsWithGlobals<Options>());
      output.result(rows, rows.map(({ name }) => name).join("\n"), (now) => table(rows, COLUMNS, now));
    });
  group
    .command("remove")
    .argument("<name>")
    .description("Forgets a node's address and tokens; the node itself stays")
    .action(async (name: string, _options: unknown, command: Command) => {
      await changeNodes(runtime.env, (known) => {
        if (nodeOf(known, name) === undefined)
          throw new ShoalError("not_found", `no node ${name} is known`, { field: "name" });
        const nodes = Object.fromEntries(Object.entries(known.nodes).filter(([other]) => other !== name));
        return known.current === undefined || known.current === name ? { nodes } : { current: known.current, nodes };
      });
      outputOf(runtime, command.optsWithGlobals<Options>()).result({ name }, name, () => `${name} is forgotten`);
    });
}
