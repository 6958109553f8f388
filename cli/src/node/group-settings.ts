/** `shoal group settings` and `metadata`: what holds for new members and contexts, and labels of anything in a group. */
import { Option, type Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details } from "../output.ts";
import { argument, text, texts, type Options, type Runtime } from "../session.ts";
import {
  asMember,
  capabilityMask,
  CAPABILITY_NAMES,
  capabilityNames,
  policyOf,
  policyOptions,
  requester,
  visibility,
  VISIBILITIES,
} from "./governance-options.ts";
import { optional } from "./input.ts";
import { actOnNode, contextOf, type NodeSession } from "./session.ts";

export function addGroupSettings(group: Command, runtime: Runtime): void {
  policyOptions(asMember(group.command("settings")))
    .argument("<group>")
    .option("--name <name>")
    .option(
      "--default-capabilities <names>",
      `what members may who were given nothing else: a number, none, or ${CAPABILITY_NAMES}`,
      capabilityMask,
    )
    .addOption(new Option("--default-visibility <who>", "who may enter new contexts").choices(VISIBILITIES))
    .addOption(
      new Option("--subgroup-visibility <who>", "whether members of the group above are members here").choices(
        VISIBILITIES,
      ),
    )
    .description("What holds in a group, after the changes if any are given")
    .addHelpText("after", "\nExample: shoal group settings 5be1... --default-visibility restricted")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = argument(args, 0);
        await changeSettings(session, id, options);
        const { data } = await session.node.call("groups.get", { params: { group: id }, signal: session.signal });
        const settings = {
          name: data.alias ?? null,
          upgradePolicy: data.upgradePolicy,
          defaultCapabilities: capabilityNames(data.defaultCapabilities),
          defaultVisibility: data.defaultVisibility,
          subgroupVisibility: data.subgroupVisibility,
        };
        const shown = { ...settings, defaultCapabilities: settings.defaultCapabilities.join(", ") };
        session.output.result(settings, id, (now) => details(shown, now));
      }),
    );
  addMetadata(group, runtime);
}

/** Each setting is a change of its own; what was refused keeps those before it. */
async function changeSettings({ node, signal }: NodeSession, id: string, options: Options): Promise<void> {
  const params = { group: id };
  const by = requester(options);
  const upgradePolicy = policyOf(options);
  if (upgradePolicy !== undefined) await node.call("groups.update", { params, body: { upgradePolicy, ...by }, signal });
  const alias = text(options, "name");
  if (alias !== undefined) await node.call("settings.setGroupAlias", { params, body: { alias, ...by }, signal });
  const mask = options["defaultCapabilities"];
  if (typeof mask === "number") {
    const body = { defaultCapabilities: mask, ...by };
    await node.call("settings.setDefaultCapabilities", { params, body, signal });
  }
  const contexts = visibility(options, "defaultVisibility");
  if (contexts !== undefined) {
    const body = { defaultVisibility: contexts, ...by };
    await node.call("settings.setDefaultVisibility", { params, body, signal });
  }
  const subgroups = visibility(options, "subgroupVisibility");
  if (subgroups !== undefined) {
    const body = { subgroupVisibility: subgroups, ...by };
    await node.call("settings.setSubgroupVisibility", { params, body, signal });
  }
}

function addMetadata(group: Command, runtime: Runtime): void {
  asMember(group.command("metadata"))
    .argument("<group>")
    .option("--member <member>", "of a member instead of the group")
    .option("--context <context>", "of a context (id or alias) instead of the group")
    .option("--name <name>")
    .option("--set <key=value...>", "replaces the data by these")
    .option("--clear", "replaces the data by none")
    .description("Name and data of a group, of a member or of a context, after the changes if any are given")
    .addHelpText("after", "\nExample: shoal group metadata 5be1... --name friends --set colour=red")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const of = await subjectOf(session, argument(args, 0), options);
        const change = changeOf(options);
        if (change !== undefined) await write(session, of, { ...change, ...requester(options) });
        const data = await read(session, of);
        const pairs = Object.entries(data?.data ?? {}).map(([key, value]) => `${key}=${value}`);
        const shown = { name: data?.name ?? null, data: pairs.join(" ") };
        session.output.result(data, data?.name ?? "", (now) => details(shown, now));
      }),
    );
}

type Subject =
  | { readonly kind: "group"; readonly params: { readonly group: string } }
  | { readonly kind: "member"; readonly params: { readonly group: string; readonly member: string } }
  | { readonly kind: "context"; readonly params: { readonly group: string; readonly context: string } };

async function subjectOf(session: NodeSession, group: string, options: Options): Promise<Subject> {
  const [member, context] = [text(options, "member"), text(options, "context")];
  if (member !== undefined && context !== undefined)
    throw new ShoalError("invalid_argument", "either --member or --context", { field: "member" });
  if (member !== undefined) return { kind: "member", params: { group, member } };
  if (context === undefined) return { kind: "group", params: { group } };
  return { kind: "context", params: { group, context: await contextOf(session, context) } };
}

interface Change {
  readonly name?: string;
  readonly data: Record<string, string>;
}

function changeOf(options: Options): Change | undefined {
  const [name, pairs] = [optional(options, { name: "name" }), texts(options, "set")];
  if (name.name === undefined && pairs.length === 0 && options["clear"] !== true) return undefined;
  if (pairs.length === 0 && options["clear"] !== true)
    throw new ShoalError("invalid_argument", "data is replaced as a whole: add --set or --clear", { field: "set" });
  const data = pairs.map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new ShoalError("invalid_argument", `${pair}: expected key=value`, { field: "set" });
  });
  return { ...name, data: Object.fromEntries(data) };
}

async function write({ node, signal }: NodeSession, of: Subject, body: Change & { requester?: string }): Promise<void> {
  switch (of.kind) {
    case "group":
      await node.call("metadata.setGroup", { params: of.params, body, signal });
      return;
    case "member":
      await node.call("metadata.setMember", { params: of.params, body, signal });
      return;
    case "context":
      await node.call("metadata.setContext", { params: of.params, body, signal });
  }
}

async function read({ node, signal }: NodeSession, of: Subject) {
  switch (of.kind) {
    case "group":
      return (await node.call("metadata.group", { params: of.params, signal })).data;
    case "member":
      return (await node.call("metadata.member", { params: of.params, signal })).data;
    case "context":
      return (await node.call("metadata.context", { params: of.params, signal })).data;
  }
}
