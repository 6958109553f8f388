/** Invitations: signed words that one node writes, as a line of text or JSON, and another reads; `invite` and `join` of groups and namespaces. */
import type { Command } from "commander";
import type { z } from "zod";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { INVITATION_MARK, signedInvitationSchema } from "@shoal/shared/wire/node/governance/invitations.ts";
import { details, type Output } from "../output.ts";
import { argument, type Runtime } from "../session.ts";
import { duration, optional } from "./input.ts";
import { pasted, tell, type Pasted } from "./pasted.ts";
import { actOnNode, type NodeAct } from "./session.ts";

export type SignedInvitation = z.input<typeof signedInvitationSchema>;

/** What an invitation is made of; seconds since the epoch. */
type InviteBody = {
  readonly expirationTimestamp: number;
  readonly recursive: boolean;
  readonly once: boolean;
} & Partial<Record<"invitee" | "requester", string>>;

interface Invited {
  readonly invitation?: SignedInvitation | undefined;
  readonly invitations?: readonly { readonly invitation: SignedInvitation }[] | undefined;
}

const WEEK_SECONDS = 7 * 86_400;

/** `invite <group>`; `send` asks the node. */
export function addInvite(
  parent: Command,
  runtime: Runtime,
  of: "group" | "namespace",
  send: (session: Parameters<NodeAct>[0], id: string, body: InviteBody) => Promise<Invited>,
): void {
  parent
    .command("invite")
    .argument(`<${of}>`)
    .option("--valid-for <duration>", "30m, 12h, 7d", duration, WEEK_SECONDS)
    .option("--for <member>", "only this member may use it")
    .option("--once", "spent by its first use")
    .option("--recursive", "with one for each group below")
    .option("--as <member>", "who invites; default: the node's account")
    .description("Signs an invitation and writes it as a line of text, or as JSON for programs")
    .addHelpText("after", `\nExample: shoal ${of} invite 5be1... --once > invitation.txt`)
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const body = {
          expirationTimestamp: Math.floor(systemClock.now() / 1000) + Number(options["validFor"]),
          recursive: options["recursive"] === true,
          once: options["once"] === true,
          ...optional(options, { invitee: "for", requester: "as" }),
        };
        const { invitation, invitations } = await send(session, argument(args, 0), body);
        tellInvitations(session.output, invitation === undefined ? listed(invitations) : [invitation]);
      }),
    );
}

const listed = (invitations: Invited["invitations"] = []): readonly SignedInvitation[] =>
  invitations.map((each) => each.invitation);

/** `join <invitation>`; `send` asks the node. */
export function addJoin(
  parent: Command,
  runtime: Runtime,
  of: "group" | "namespace",
  send: (
    session: Parameters<NodeAct>[0],
    body: { readonly invitation: SignedInvitation } & Partial<Record<"groupName" | "requester", string>>,
  ) => Promise<{ readonly groupId: string; readonly memberIdentity: string }>,
): void {
  parent
    .command("join")
    .argument("<invitation>", "the line that `invite` writes, its JSON, @file, or - for standard input")
    .option("--name <name>", "what the group is called on this node")
    .option("--as <member>", "who joins; default: the node's account")
    .description(`Joins a ${of} by invitation`)
    .addHelpText("after", `\nExample: shoal ${of} join @invitation.txt`)
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const invitation = await invitationFrom(argument(args, 0));
        const body = { invitation, ...optional(options, { groupName: "name", requester: "as" }) };
        const joined = await send(session, body);
        session.output.result(joined, joined.groupId, (now) => details({ ...joined }, now));
      }),
    );
}

const INVITATION: Pasted<SignedInvitation> = {
  mark: INVITATION_MARK,
  field: "invitation",
  writer: "invite",
  read(value) {
    const inner = (value as { readonly invitation?: unknown } | null)?.invitation;
    const found = [value, inner].find((candidate) => signedInvitationSchema.safeParse(candidate).success);
    return found as SignedInvitation | undefined;
  },
};

export const tellInvitations = (output: Output, invitations: readonly SignedInvitation[]): void =>
  tell(output, INVITATION, invitations);

/** Whether it can be one; anything else is a name or an id. */
export const isInvitation = (given: string): boolean => /^[{@]|^-$/.test(given) || given.startsWith(INVITATION.mark);

/** What `invite` writes. */
export const invitationFrom = (given: string): Promise<SignedInvitation> => pasted(INVITATION, given);
