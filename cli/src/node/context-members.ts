/** Who takes part in a context: identities, joining and leaving, rights within it. */
import { Argument, type Command } from "commander";
import { details } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { duration } from "./input.ts";
import { invitationFrom, isInvitation, tellInvitations } from "./invitations.ts";
import { actingIdentity, actOnNode, contextOf, endpointCommand, identityOf, type NodeSession } from "./session.ts";

const WEEK_SECONDS = 7 * 86_400;
const CAPABILITIES = ["ManageApplication", "ManageMembers", "Proxy"] as const;

export function addContextMembers(group: Command, runtime: Runtime): void {
  group
    .command("identities")
    .argument("<context>", "id or alias")
    .option("--owned", "only those whose key this node holds")
    .description("Public keys known to a context")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await contextOf(session, argument(args, 0));
        const endpoint = options["owned"] === true ? "contexts.identitiesOwned" : "contexts.identities";
        const { data } = await session.node.call(endpoint, { params: { id }, signal: session.signal });
        const list = data.identities.join("\n");
        session.output.result(data.identities, list, () => list || "none");
      }),
    );
  endpointCommand(group, runtime, "generate-identity", "node.generateIdentity", async ({ node, output, signal }) => {
    const { data } = await node.call("node.generateIdentity", { body: {}, signal });
    output.result(data, data.publicKey, () => data.publicKey);
  });
  endpointCommand(group, runtime, "leave <context>", "contexts.leave", async (session, args) => {
    const id = await contextOf(session, argument(args, 0));
    const { data } = await session.node.call("contexts.leave", { params: { id }, body: {}, signal: session.signal });
    session.output.result(data, id, () => `left ${id}`);
  });
  addInviting(group, runtime);
  for (const verb of ["grant", "revoke"] as const) addRight(group, runtime, verb);
}

function addInviting(group: Command, runtime: Runtime): void {
  group
    .command("invite")
    .argument("<context>", "id or alias")
    .option("--as <identity>", "public key or alias of whoever invites; default: the node's own identity")
    .option("--valid-for <duration>", "30m, 12h, 7d", duration, WEEK_SECONDS)
    .description("Signs an invitation to a context, as a line of text, or as JSON for programs")
    .addHelpText("after", "\nExample: shoal context invite kv --valid-for 1h > invitation.txt")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const contextId = await contextOf(session, argument(args, 0));
        const inviterId = await actingIdentity(session, contextId, text(options, "as"));
        const body = { contextId, inviterId, validForSeconds: Number(options["validFor"]) };
        const { data } = await session.node.call("invitations.createForContext", { body, signal: session.signal });
        if (data !== null) tellInvitations(session.output, [data]);
      }),
    );
  group
    .command("join")
    .argument(
      "<invitation>",
      "what `invite` writes (itself, @file, or - for standard input), or a context of a group that the node is in",
    )
    .option("--as <identity>", "public key of whoever joins, which the node holds; default: a new one")
    .description("Takes part in a context")
    .addHelpText("after", "\nExample: shoal context join @invitation.txt")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const data = await join(session, argument(args, 0), text(options, "as"));
        session.output.result(data, data.contextId, (now) => details(data, now));
      }),
    );
}

async function join(
  session: NodeSession,
  given: string,
  as: string | undefined,
): Promise<{ readonly contextId: string; readonly memberPublicKey: string }> {
  const { node, signal } = session;
  if (!isInvitation(given)) {
    const id = await contextOf(session, given);
    return (await node.call("contexts.join", { params: { id }, body: {}, signal })).data;
  }
  const invitation = await invitationFrom(given);
  const newMemberPublicKey = as ?? (await node.call("node.generateIdentity", { body: {}, signal })).data.publicKey;
  return (await node.call("invitations.joinContext", { body: { invitation, newMemberPublicKey }, signal })).data;
}

/** Rights within one context, that its group gives to one member. */
function addRight(group: Command, runtime: Runtime, verb: "grant" | "revoke"): void {
  group
    .command(verb)
    .argument("<context>", "id or alias")
    .argument("<member>", "public key or alias of an identity")
    .addArgument(new Argument("<capability>").choices(CAPABILITIES))
    .option("--as <identity>", `public key or alias of whoever ${verb}s; default: the node's own identity`)
    .description(verb === "grant" ? "Gives a member a right within one context" : "Takes such a right away")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await contextOf(session, argument(args, 0));
        const member = await identityOf(session, id, argument(args, 1));
        const by = await actingIdentity(session, id, text(options, "as"));
        const capability = CAPABILITIES.find((each) => each === args[2]) ?? "Proxy";
        const { node, output, signal } = session;
        const params = { id };
        await (verb === "grant"
          ? node.call("groupContexts.grant", {
              params,
              body: { granterId: by, granteeId: member, capability },
              signal,
            })
          : node.call("groupContexts.revoke", {
              params,
              body: { revokerId: by, revokeeId: member, capability },
              signal,
            }));
        const told = verb === "grant" ? `${member} has ${capability}` : `${member} no longer has ${capability}`;
        output.result({ contextId: id, member, capability }, member, () => told);
      }),
    );
}
