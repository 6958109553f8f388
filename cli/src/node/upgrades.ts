/** `shoal group upgrade`: moving a group's contexts to another application. */
import type { Command } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, type Runtime } from "../session.ts";
import { asMember, requester } from "./governance-options.ts";
import { optional } from "./input.ts";
import { applicationOf, endpointCommand } from "./session.ts";

interface MemberRow {
  readonly account: string;
  readonly state: string;
}

const COLUMNS: readonly Column<MemberRow>[] = [
  { title: "member", cell: (member) => member.account },
  { title: "state", cell: (member) => member.state },
];

export function addUpgrades(parent: Command, runtime: Runtime): void {
  const group = parent.command("upgrade").description("moving a group's contexts to another application");
  addMoving(group, runtime);
  endpointCommand(group, runtime, "status <group>", "upgrades.status", async ({ node, output, signal }, args) => {
    const { data } = await node.call("upgrades.status", { params: { group: argument(args, 0) }, signal });
    output.result(data, data?.status ?? "", (now) => (data === null ? "never upgraded here" : details(data, now)));
  });
  endpointCommand(group, runtime, "cascade <group>", "upgrades.cascade", async ({ node, output, signal }, args) => {
    const { data } = await node.call("upgrades.cascade", { params: { group: argument(args, 0) }, signal });
    const columns: readonly Column<(typeof data)[number]>[] = [
      { title: "group", cell: (row) => row.groupId },
      { title: "state", cell: (row) => row.upgrade.status },
      { title: "to", cell: (row) => row.upgrade.toVersion },
    ];
    output.result(data, data.map(({ groupId }) => groupId).join("\n"), (now) => table(data, columns, now));
  });
  endpointCommand(group, runtime, "members <group>", "upgrades.migration", async ({ node, output, signal }, args) => {
    const migration = await node.call("upgrades.migration", { params: { group: argument(args, 0) }, signal });
    const { members } = migration;
    output.result(migration, members.map(({ account }) => account).join("\n"), (now) => table(members, COLUMNS, now));
  });
}

function addMoving(group: Command, runtime: Runtime): void {
  asMember(
    endpointCommand(
      group,
      runtime,
      "trigger <group> <application>",
      "upgrades.start",
      async (session, args, options) => {
        const params = { group: argument(args, 0) };
        const body = {
          targetApplicationId: await applicationOf(session, argument(args, 1)),
          cascade: options["cascade"] === true,
          forceCodeOnly: options["codeOnly"] === true,
          ...optional(options, { migrateMethod: "migrate" }),
          ...requester(options),
        };
        const { node, output, signal } = session;
        const { data } = await node.call("upgrades.start", { params, body, signal });
        output.result(data, data.status, (now) => details(data, now));
      },
    ),
  )
    .option("--migrate <method>", "method of the new application that turns the old state into its own")
    .option("--cascade", "groups below come along")
    .option("--code-only", "keeps the state as it is, although the new application would migrate it")
    .addHelpText("after", "\nExample: shoal group upgrade trigger 5be1... 7hQw... --migrate migrate_v2");
  asMember(
    endpointCommand(
      group,
      runtime,
      "retry <group>",
      "upgrades.retry",
      async ({ node, output, signal }, args, options) => {
        const params = { group: argument(args, 0) };
        const { data } = await node.call("upgrades.retry", { params, body: requester(options), signal });
        output.result(data, data.status, (now) => details(data, now));
      },
    ),
  );
  asMember(
    endpointCommand(
      group,
      runtime,
      "abort <group>",
      "upgrades.abort",
      async ({ node, output, signal }, args, options) => {
        const id = argument(args, 0);
        const { data } = await node.call("upgrades.abort", { params: { group: id }, body: requester(options), signal });
        output.result(data, id, () => (data.aborted ? "the upgrade is aborted" : "there was none to abort"));
      },
    ),
  );
}
