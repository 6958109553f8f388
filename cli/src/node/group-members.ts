/** `shoal group members`: who belongs to a group, and what each may. */
import { Argument, Option, type Command } from "commander";
import { table, type Column } from "../output.ts";
import { argument, type Runtime } from "../session.ts";
import { asMember, capabilityMask, CAPABILITY_NAMES, capabilityNames, requester } from "./governance-options.ts";
import { actOnNode, endpointCommand } from "./session.ts";

const ROLES = ["Admin", "Member", "ReadOnly", "ReadOnlyTee"] as const;
type Role = (typeof ROLES)[number];

interface MemberRow {
  readonly identity: string;
  readonly role: string;
  readonly alias?: string | undefined;
}

const COLUMNS: readonly Column<MemberRow>[] = [
  { title: "member", cell: (member) => member.identity },
  { title: "role", cell: (member) => member.role },
  { title: "name", cell: (member) => member.alias ?? null },
];

export function addGroupMembers(parent: Command, runtime: Runtime): void {
  const group = parent.command("members").description("who belongs to a group, and what each may");
  endpointCommand(group, runtime, "list <group>", "members.list", async ({ node, output, signal }, args) => {
    const { data } = await node.call("members.list", { params: { group: argument(args, 0) }, signal });
    output.result(data, data.map(({ identity }) => identity).join("\n"), (now) => table(data, COLUMNS, now));
  });
  addMembership(group, runtime);
  addRole(group, runtime);
  addCapabilities(group, runtime);
  addAutoFollow(group, runtime);
}

function addMembership(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(group, runtime, "add <group> <member...>", "members.add", async (session, args, options) => {
      const [id = "", ...identities] = args;
      const role = roleOf(options["role"]);
      const body = {
        members: identities.map((identity) => ({ identity, role })),
        ...requester(options),
      };
      const { node, output, signal } = session;
      await node.call("members.add", { params: { group: id }, body, signal });
      output.result({ groupId: id, members: identities, role }, identities.join("\n"), () => `added as ${role}`);
    }),
  )
    .addOption(new Option("--role <role>").choices(ROLES).default("Member"))
    .addHelpText("after", "\nExample: shoal group members add 5be1... 9xFp... --role ReadOnly");
  asMember(
    endpointCommand(group, runtime, "remove <group> <member...>", "members.remove", async (session, args, options) => {
      const [id = "", ...members] = args;
      const body = { members, ...requester(options) };
      const { node, output, signal } = session;
      await node.call("members.remove", { params: { group: id }, body, signal });
      output.result({ groupId: id, members }, members.join("\n"), () => "removed");
    }),
  );
}

function addRole(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(group, runtime, "set-role <group> <member>", "members.setRole", async (session, args, options) => {
      const params = { group: argument(args, 0), member: argument(args, 1) };
      const role = roleOf(args[2]);
      const { node, output, signal } = session;
      await node.call("members.setRole", { params, body: { role, ...requester(options) }, signal });
      output.result({ ...params, role }, params.member, () => `${params.member} is ${role}`);
    }),
  ).addArgument(new Argument("<role>").choices(ROLES));
  asMember(
    endpointCommand(
      group,
      runtime,
      "rename <group> <member> <name>",
      "members.setAlias",
      async (session, args, options) => {
        const params = { group: argument(args, 0), member: argument(args, 1) };
        const alias = argument(args, 2);
        const { node, output, signal } = session;
        const body = { alias, ...requester(options) };
        await node.call("members.setAlias", { params, body, signal });
        output.result({ ...params, alias }, params.member, () => `${params.member} is called ${alias}`);
      },
    ),
  );
}

function addCapabilities(group: Command, runtime: Runtime): void {
  asMember(group.command("capabilities"))
    .argument("<group>")
    .argument("<member>")
    .option("--set <names>", `a number, none, or names: ${CAPABILITY_NAMES}`, capabilityMask)
    .description("What a member may; with --set, after it was set")
    .addHelpText(
      "after",
      "\nExample: shoal group members capabilities 5be1... 9xFp... --set createContext,inviteMembers",
    )
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const params = { group: argument(args, 0), member: argument(args, 1) };
        const mask = options["set"];
        if (typeof mask === "number") {
          const body = { capabilities: mask, ...requester(options) };
          await node.call("members.setCapabilities", { params, body, signal });
        }
        const { data } = await node.call("members.capabilities", { params, signal });
        const names = capabilityNames(data.capabilities);
        output.result({ ...data, names }, names.join("\n"), () => names.join(", ") || "nothing more than reading");
      }),
    );
}

function addAutoFollow(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(
      group,
      runtime,
      "auto-follow <group> <member>",
      "members.setAutoFollow",
      async (session, args, options) => {
        const params = { group: argument(args, 0), member: argument(args, 1) };
        const followed = {
          autoFollowContexts: options["contexts"] === true,
          autoFollowSubgroups: options["subgroups"] === true,
        };
        const { node, output, signal } = session;
        const body = { ...followed, ...requester(options) };
        await node.call("members.setAutoFollow", { params, body, signal });
        const names = ["contexts", "subgroups"].filter((name) => options[name] === true);
        output.result(
          { ...params, ...followed },
          params.member,
          () => `follows new ${names.join(" and ") || "nothing"}`,
        );
      },
    ),
  )
    .option("--contexts", "takes part in new contexts")
    .option("--subgroups", "joins new groups below");
}

const roleOf = (given: unknown): Role => ROLES.find((role) => role === given) ?? "Member";
