/** `shoal alias`: names for contexts, applications and identities, on one node. */
import { Argument, type Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { argument, text, type Options, type Runtime } from "../session.ts";
import { actOnNode, contextOf, nodeFlags, type NodeSession } from "./session.ts";

const KINDS = ["context", "application", "identity"] as const;
type Kind = (typeof KINDS)[number];

export function addAliases(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("alias").description("names for contexts, applications and identities"));
  group
    .command("create")
    .addArgument(kindArgument())
    .argument("<name>")
    .argument("<id>", "what it stands for")
    .option("--context <context>", "of an identity")
    .description("Gives something a name")
    .addHelpText("after", "\nExample: shoal alias create context kv 5Hq2...")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const [kind, alias, id] = [kindOf(args), argument(args, 1), argument(args, 2)];
        await create(session, kind, alias, id, options);
        session.output.result({ kind, alias, id }, alias, () => `${alias} is ${id}`);
      }),
    );
  group
    .command("get")
    .addArgument(kindArgument())
    .argument("<name>")
    .option("--context <context>", "of an identity")
    .description("What a name stands for")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const name = argument(args, 1);
        const value = await lookup(session, kindOf(args), name, options);
        if (value === undefined) throw new ShoalError("not_found", `no alias ${name}`, { field: "name" });
        session.output.result({ value }, value, () => value);
      }),
    );
  group
    .command("list")
    .addArgument(kindArgument())
    .option("--context <context>", "of identities")
    .description("Names and what they stand for")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const found = await list(session, kindOf(args), options);
        const lines = Object.entries(found).map(([name, id]) => `${name}  ${id}`);
        session.output.result(found, Object.keys(found).join("\n"), () => lines.join("\n") || "none");
      }),
    );
  group
    .command("delete")
    .addArgument(kindArgument())
    .argument("<name>")
    .option("--context <context>", "of an identity")
    .description("Forgets a name")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const name = argument(args, 1);
        await forget(session, kindOf(args), name, options);
        session.output.result({ name }, name, () => `${name} is forgotten`);
      }),
    );
}

const kindArgument = (): Argument => new Argument("<kind>").choices(KINDS);

/** Commander has checked that it is one of them. */
const kindOf = (args: readonly string[]): Kind => argument(args, 0) as Kind;

function scopeOf(session: NodeSession, options: Options): Promise<string> {
  const context = text(options, "context");
  if (context !== undefined) return contextOf(session, context);
  throw new ShoalError("invalid_argument", "an identity is named within a context: add --context", {
    field: "context",
  });
}

async function create(session: NodeSession, kind: Kind, alias: string, id: string, options: Options): Promise<void> {
  const { node, signal } = session;
  switch (kind) {
    case "context":
      await node.call("aliases.createContext", { body: { alias, contextId: id }, signal });
      return;
    case "application":
      await node.call("aliases.createApplication", { body: { alias, applicationId: id }, signal });
      return;
    case "identity": {
      const params = { context: await scopeOf(session, options) };
      await node.call("aliases.createIdentity", { params, body: { alias, identity: id }, signal });
    }
  }
}

async function lookup(session: NodeSession, kind: Kind, name: string, options: Options): Promise<string | undefined> {
  const { node, signal } = session;
  switch (kind) {
    case "context":
      return (await node.call("aliases.lookupContext", { params: { name }, body: {}, signal })).data.value;
    case "application":
      return (await node.call("aliases.lookupApplication", { params: { name }, body: {}, signal })).data.value;
    case "identity": {
      const params = { context: await scopeOf(session, options), name };
      return (await node.call("aliases.lookupIdentity", { params, body: {}, signal })).data.value;
    }
  }
}

async function list(session: NodeSession, kind: Kind, options: Options): Promise<Readonly<Record<string, string>>> {
  const { node, signal } = session;
  switch (kind) {
    case "context":
      return (await node.call("aliases.listContexts", { signal })).data;
    case "application":
      return (await node.call("aliases.listApplications", { signal })).data;
    case "identity": {
      const params = { context: await scopeOf(session, options) };
      return (await node.call("aliases.listIdentities", { params, signal })).data;
    }
  }
}

async function forget(session: NodeSession, kind: Kind, name: string, options: Options): Promise<void> {
  const { node, signal } = session;
  switch (kind) {
    case "context":
      await node.call("aliases.deleteContext", { params: { name }, body: {}, signal });
      return;
    case "application":
      await node.call("aliases.deleteApplication", { params: { name }, body: {}, signal });
      return;
    case "identity": {
      const params = { context: await scopeOf(session, options), name };
      await node.call("aliases.deleteIdentity", { params, body: {}, signal });
    }
  }
}
