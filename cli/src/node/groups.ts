/** `shoal group`: who shares contexts, and under which rules. */
import { Option, type Command } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, type Runtime } from "../session.ts";
import { addGroupContexts } from "./group-contexts.ts";
import { addGroupMembers } from "./group-members.ts";
import { addGroupSettings } from "./group-settings.ts";
import { asMember, policyOf, policyOptions, requester, visibility, VISIBILITIES } from "./governance-options.ts";
import { optional, readStdin, wholeNumber } from "./input.ts";
import { addInvite, addJoin, invitationFrom } from "./invitations.ts";
import { actOnNode, applicationOf, endpointCommand, nodeFlags } from "./session.ts";
import { addUpgrades } from "./upgrades.ts";

interface GroupRow {
  readonly groupId: string;
  readonly name?: string | undefined;
  readonly targetApplicationId: string;
  readonly upgradePolicy: string;
}

const COLUMNS: readonly Column<GroupRow>[] = [
  { title: "id", cell: (group) => group.groupId },
  { title: "name", cell: (group) => group.name ?? null },
  { title: "application", cell: (group) => group.targetApplicationId },
  { title: "upgrades", cell: (group) => group.upgradePolicy },
];
const SUBGROUPS: readonly Column<{ readonly groupId: string; readonly name?: string | undefined }>[] = [
  { title: "id", cell: (group) => group.groupId },
  { title: "name", cell: (group) => group.name ?? null },
];

export function addGroups(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("group"))
    .description("groups: who shares contexts, and under which rules")
    .addHelpText("after", "\nGroups are named by their id (64 hex digits), members by their key (base58 or hex).");
  addReading(group, runtime);
  addCreate(group, runtime);
  addChanges(group, runtime);
  addTree(group, runtime);
  addGroupMembers(group, runtime);
  addGroupContexts(group, runtime);
  addGroupSettings(group, runtime);
  addUpgrades(group, runtime);
  addInvite(group, runtime, "group", async ({ node, signal }, id, body) => {
    return (await node.call("invitations.create", { params: { group: id }, body, signal })).data;
  });
  addJoin(group, runtime, "group", async ({ node, signal }, body) => {
    return (await node.call("invitations.join", { body, signal })).data;
  });
  addEnter(group, runtime);
  addWithdraw(group, runtime);
}

function addReading(group: Command, runtime: Runtime): void {
  endpointCommand(group, runtime, "list", "groups.list", async ({ node, output, signal }, _, options) => {
    const query = { offset: Number(options["offset"]), limit: Number(options["limit"]) };
    const { data } = await node.call("groups.list", { query, signal });
    output.result(data, data.map(({ groupId }) => groupId).join("\n"), (now) => table(data, COLUMNS, now));
  })
    .option("--limit <count>", "how many at most", wholeNumber(1), 100)
    .option("--offset <count>", "how many to leave out", wholeNumber(0), 0);
  endpointCommand(group, runtime, "get <group>", "groups.get", async ({ node, output, signal }, args) => {
    const { data } = await node.call("groups.get", { params: { group: argument(args, 0) }, signal });
    output.result(data, data.groupId, (now) => details(data, now));
  });
  endpointCommand(group, runtime, "sync <group>", "groups.sync", async ({ node, output, signal }, args) => {
    const { data } = await node.call("groups.sync", { params: { group: argument(args, 0) }, body: {}, signal });
    output.result(data, data.groupId, (now) => details(data, now));
  });
}

function addCreate(group: Command, runtime: Runtime): void {
  policyOptions(asMember(group.command("create")))
    .argument("<application>", "id or alias")
    .option("--name <name>")
    .option("--id <hex>", "32 bytes; default: drawn")
    .option("--parent <group>", "the group that it hangs below")
    .addOption(new Option("--visibility <who>", "whether the parent's members are members").choices(VISIBILITIES))
    .description("Makes a group; whoever asks becomes its admin")
    .addHelpText("after", "\nExample: shoal group create kv --name friends")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const { node, output, signal } = session;
        const [who, upgradePolicy] = [visibility(options, "visibility"), policyOf(options)];
        const body = {
          applicationId: await applicationOf(session, argument(args, 0)),
          ...optional(options, { name: "name", groupId: "id", parentGroupId: "parent", requester: "as" }),
          ...(who === undefined ? {} : { visibility: who }),
          ...(upgradePolicy === undefined ? {} : { upgradePolicy }),
        };
        const { data } = await node.call("groups.create", { body, signal });
        output.result(data, data.groupId, () => data.groupId);
      }),
    );
}

function addChanges(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(group, runtime, "delete <group>", "groups.delete", async (session, args, options) => {
      const id = argument(args, 0);
      const body = requester(options);
      const { node, output, signal } = session;
      const { data } = await node.call("groups.delete", { params: { group: id }, body, signal });
      output.result(data, id, () => (data.isDeleted ? `${id} is deleted` : `${id} was not here`));
    }),
  );
  asMember(
    endpointCommand(group, runtime, "leave <group>", "members.leave", async (session, args, options) => {
      const id = argument(args, 0);
      const body = requester(options);
      const { node, output, signal } = session;
      await node.call("members.leave", { params: { group: id }, body, signal });
      output.result({ groupId: id }, id, () => `left ${id}`);
    }),
  );
  group
    .command("signing-key")
    .argument("<group>")
    .requiredOption("--seed-stdin", "reads the key's 32 bytes in hex from standard input")
    .description("Gives the node a member's key, to sign with where --as names that member")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const signingKey = (await readStdin()).trim();
        const params = { group: argument(args, 0) };
        const { data } = await node.call("groups.signingKey", { params, body: { signingKey }, signal });
        output.result(data, data.publicKey, () => `the node signs as ${data.publicKey}`);
      }),
    );
}

function addTree(group: Command, runtime: Runtime): void {
  endpointCommand(group, runtime, "subgroups <group>", "groups.subgroups", async ({ node, output, signal }, args) => {
    const { subgroups } = await node.call("groups.subgroups", { params: { group: argument(args, 0) }, signal });
    const ids = subgroups.map(({ groupId }) => groupId).join("\n");
    output.result(subgroups, ids, (now) => table(subgroups, SUBGROUPS, now));
  });
  asMember(
    endpointCommand(group, runtime, "reparent <group> <parent>", "groups.reparent", async (session, args, options) => {
      const [id, newParentId] = [argument(args, 0), argument(args, 1)];
      const body = { newParentId, ...requester(options) };
      const { node, output, signal } = session;
      const answer = await node.call("groups.reparent", { params: { group: id }, body, signal });
      output.result(answer, id, () => `${id} hangs below ${newParentId}`);
    }),
  );
}

function addEnter(group: Command, runtime: Runtime): void {
  endpointCommand(group, runtime, "enter <group>", "invitations.joinOpen", async ({ node, output, signal }, args) => {
    const { data } = await node.call("invitations.joinOpen", {
      params: { group: argument(args, 0) },
      body: {},
      signal,
    });
    output.result(data, data.groupId, (now) => details(data, now));
  });
}

function addWithdraw(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(group, runtime, "withdraw <group>", "invitations.revoke", async (session, args, options) => {
      const { node, output, signal } = session;
      const id = argument(args, 0);
      const invitation = await invitationFrom(argument(args, 1));
      const body = { invitation, ...requester(options) };
      const { data } = await node.call("invitations.revoke", { params: { group: id }, body, signal });
      output.result(data, id, () => "the invitation is useless now");
    }),
  ).argument("<invitation>", "the line that `invite` writes, its JSON, @file, or - for standard input");
}
