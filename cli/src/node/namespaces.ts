/** `shoal namespace`: groups that hang below no other. */
import { Option, type Command } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { asMember, policyOf, policyOptions, requester, visibility, VISIBILITIES } from "./governance-options.ts";
import { optional } from "./input.ts";
import { addInvite, addJoin } from "./invitations.ts";
import { actOnNode, applicationOf, endpointCommand, nodeFlags } from "./session.ts";

interface NamespaceRow {
  readonly namespaceId: string;
  readonly name?: string | undefined;
  readonly targetApplicationId: string;
  readonly memberCount: number;
  readonly contextCount: number;
}

const COLUMNS: readonly Column<NamespaceRow>[] = [
  { title: "id", cell: (namespace) => namespace.namespaceId },
  { title: "name", cell: (namespace) => namespace.name ?? null },
  { title: "application", cell: (namespace) => namespace.targetApplicationId },
  { title: "members", cell: (namespace) => namespace.memberCount },
  { title: "contexts", cell: (namespace) => namespace.contextCount },
];
const GROUPS: readonly Column<{ readonly groupId: string; readonly name?: string | undefined }>[] = [
  { title: "id", cell: (group) => group.groupId },
  { title: "name", cell: (group) => group.name ?? null },
];

export function addNamespaces(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("namespace")).description("namespaces: groups that hang below no other");
  addReading(group, runtime);
  addCreate(group, runtime);
  addEnding(group, runtime);
  addSubgroup(group, runtime);
  addInvite(group, runtime, "namespace", async ({ node, signal }, id, body) => {
    return (await node.call("namespaces.invite", { params: { namespace: id }, body, signal })).data;
  });
  addJoin(group, runtime, "namespace", async ({ node, signal }, body) => {
    const namespace = Buffer.from(body.invitation.group_id ?? body.invitation.invitation.group_id).toString("hex");
    return (await node.call("namespaces.join", { params: { namespace }, body, signal })).data;
  });
}

function addReading(group: Command, runtime: Runtime): void {
  group
    .command("list")
    .option("--application <application>", "only those that run it (id or alias)")
    .description("Namespaces of the node")
    .action(
      actOnNode(runtime, async (session, _, options) => {
        const { node, output, signal } = session;
        const given = text(options, "application");
        const { data } =
          given === undefined
            ? await node.call("namespaces.list", { signal })
            : await node.call("namespaces.forApplication", {
                params: { applicationId: await applicationOf(session, given) },
                signal,
              });
        const ids = data.map(({ namespaceId }) => namespaceId).join("\n");
        output.result(data, ids, (now) => table(data, COLUMNS, now));
      }),
    );
  endpointCommand(group, runtime, "get <namespace>", "namespaces.get", async ({ node, output, signal }, args) => {
    const { data } = await node.call("namespaces.get", { params: { namespace: argument(args, 0) }, signal });
    output.result(data, data.namespaceId, (now) => details(data, now));
  });
  endpointCommand(group, runtime, "groups <namespace>", "namespaces.groups", async ({ node, output, signal }, args) => {
    const { data } = await node.call("namespaces.groups", { params: { namespace: argument(args, 0) }, signal });
    output.result(data, data.map(({ groupId }) => groupId).join("\n"), (now) => table(data, GROUPS, now));
  });
}

function addCreate(group: Command, runtime: Runtime): void {
  policyOptions(group.command("create"))
    .argument("<application>", "id or alias")
    .option("--name <name>")
    .description("Makes a namespace owned by the node's account")
    .addHelpText("after", "\nExample: shoal namespace create kv --name home")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const upgradePolicy = policyOf(options);
        const body = {
          applicationId: await applicationOf(session, argument(args, 0)),
          ...optional(options, { name: "name" }),
          ...(upgradePolicy === undefined ? {} : { upgradePolicy }),
        };
        const { data } = await session.node.call("namespaces.create", { body, signal: session.signal });
        session.output.result(data, data.namespaceId, () => data.namespaceId);
      }),
    );
}

function addEnding(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(group, runtime, "delete <namespace>", "namespaces.delete", async (session, args, options) => {
      const id = argument(args, 0);
      const { node, output, signal } = session;
      const asked = { params: { namespace: id }, body: requester(options), signal };
      const { data } = await node.call("namespaces.delete", asked);
      output.result(data, id, () => (data.isDeleted ? `${id} is deleted` : `${id} was not here`));
    }),
  );
  asMember(
    endpointCommand(group, runtime, "leave <namespace>", "namespaces.leave", async (session, args, options) => {
      const id = argument(args, 0);
      const { node, output, signal } = session;
      await node.call("namespaces.leave", { params: { namespace: id }, body: requester(options), signal });
      output.result({ namespaceId: id }, id, () => `left ${id}`);
    }),
  );
}

function addSubgroup(group: Command, runtime: Runtime): void {
  endpointCommand(
    group,
    runtime,
    "create-group <namespace>",
    "namespaces.createGroup",
    async (session, args, options) => {
      const who = visibility(options, "visibility");
      const body = { ...optional(options, { groupName: "name" }), ...(who === undefined ? {} : { visibility: who }) };
      const { node, output, signal } = session;
      const { data } = await node.call("namespaces.createGroup", {
        params: { namespace: argument(args, 0) },
        body,
        signal,
      });
      output.result(data, data.groupId, () => data.groupId);
    },
  )
    .option("--name <name>")
    .addOption(new Option("--visibility <who>", "whether the namespace's members are members").choices(VISIBILITIES));
}
