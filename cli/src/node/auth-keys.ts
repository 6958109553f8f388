/** `shoal auth keys`: who may sign in to a node, and what each key may. */
import type { Command } from "commander";
import type { ClientKey, RootKey } from "@shoal/client/node/client.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details, table, type Column } from "../output.ts";
import { argument, text, texts, type Runtime } from "../session.ts";
import { passwordOf } from "./input.ts";
import { actOnNode } from "./session.ts";

const COMMON: readonly Column<RootKey | ClientKey>[] = [
  { title: "name", cell: (key) => key.name },
  { title: "permissions", cell: (key) => key.permissions.join(" ") },
  { title: "created", cell: (key) => new Date(key.created_at * 1000).toISOString() },
  { title: "state", cell: (key) => (key.is_valid ? "valid" : "revoked") },
];
const ROOTS: readonly Column<RootKey>[] = [{ title: "id", cell: (key) => key.key_id }, ...COMMON];
const CLIENTS: readonly Column<ClientKey>[] = [
  { title: "id", cell: (key) => key.client_id },
  { title: "of", cell: (key) => key.root_key_id },
  ...COMMON,
];

export function addAuthKeys(parent: Command, runtime: Runtime): void {
  const group = parent.command("keys").description("who may sign in, and what they may");
  group
    .command("list")
    .option("--clients", "keys of applications instead of people")
    .description("Keys of the node")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, _, options) => {
        if (options["clients"] === true) {
          const keys = await node.keys.clients(signal);
          const ids = keys.map((key) => key.client_id).join("\n");
          return output.result(keys, ids, (now) => table(keys, CLIENTS, now));
        }
        const keys = await node.keys.roots(signal);
        output.result(keys, keys.map((key) => key.key_id).join("\n"), (now) => table(keys, ROOTS, now));
      }),
    );
  group
    .command("create")
    .argument("<username>")
    .requiredOption("--permissions <permission...>", "what they may; `admin` is everything")
    .option("--password-stdin", "read the password from standard input (else: SHOAL_NODE_PASSWORD, or asked for)")
    .description("Lets somebody sign in")
    .addHelpText("after", "\nExample: shoal auth keys create ada --permissions 'context:execute' application:list")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const key = { username: argument(args, 0), permissions: texts(options, "permissions") };
        const made = await node.keys.createRoot({ ...key, password: await passwordOf(runtime, options) }, signal);
        const { key_id: id, name, permissions } = made;
        output.result(made, id, (now) => details({ id, name, permissions }, now));
      }),
    );
  group
    .command("delete")
    .argument("<key>", "its id")
    .option("--client-of <key>", "it is an application's: the key of the person who made it")
    .description("Revokes a key and ends its sign-ins")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const [id, root] = [argument(args, 0), text(options, "clientOf")];
        await (root === undefined ? node.keys.deleteRoot(id, signal) : node.keys.deleteClient(root, id, signal));
        output.result({ key: id, deleted: true }, id, () => `${id} is revoked`);
      }),
    );
  addPermissions(group, runtime);
}

function addPermissions(group: Command, runtime: Runtime): void {
  group
    .command("permissions")
    .argument("<key>", "its id")
    .option("--add <permission...>", "gives it these")
    .option("--remove <permission...>", "takes these away")
    .description("What a key may, after the changes if any are given")
    .addHelpText("after", "\nExample: shoal auth keys permissions 4f0c... --add 'context:list' --remove admin")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const id = argument(args, 0);
        const [add, remove] = [texts(options, "add"), texts(options, "remove")];
        const both = add.find((permission) => remove.includes(permission));
        if (both !== undefined)
          throw new ShoalError("invalid_argument", `${both} is both added and removed`, { field: "add" });
        const permissions =
          add.length + remove.length === 0
            ? await node.keys.permissions(id, signal)
            : await node.keys.changePermissions(id, { add, remove }, signal);
        if (add.length > 0) output.note("what was added holds from the key's next sign-in or renewal on");
        output.result({ key: id, permissions }, permissions.join("\n"), () => permissions.join("\n") || "nothing");
      }),
    );
}
