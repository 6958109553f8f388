/** What a page hands to its node and is told: invitations, errors, events, and who has a name. */
import { describe, expect, test } from "vitest";
import { textOf } from "@shoal/cli/node/pasted.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { INVITATION_MARK } from "@shoal/shared/wire/node/governance/invitations.ts";
import { claim } from "@shoal/node/browser/claim.ts";
import { readInvitation } from "@shoal/node/browser/invitation.ts";
import { tabEvent } from "@shoal/node/browser/tab-event.ts";
import { wordsOf } from "@shoal/node/browser/words.ts";
import { ExecuteFailure } from "@shoal/node/context/execute-failure.ts";
import type { NodeEvent } from "@shoal/node/model/event.ts";
import type { ContextId, GroupId } from "@shoal/node/model/ids.ts";

describe("an invitation", () => {
  const bytes32 = (n: number): number[] => Array.from({ length: 32 }, () => n);
  const signed = {
    invitation: {
      inviter_identity: bytes32(1),
      group_id: bytes32(2),
      expiration_timestamp: 2_000_000_000,
      secret_salt: bytes32(3),
      invited_role: 1,
      issued_at_ms: 1,
      once: false,
    },
    inviter_signature: "ab".repeat(64),
    peers: ["/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooW"],
  };

  test.each([
    ["the line that the command line writes", ` ${textOf({ mark: INVITATION_MARK }, signed)}\n`],
    ["its JSON", JSON.stringify(signed, null, 2)],
    ["a node's whole answer", JSON.stringify({ invitation: signed, groupName: "team" })],
    ["the value itself", signed],
  ])("is read from %s", (_, given) => {
    expect(readInvitation(given)).toMatchObject({ peers: signed.peers, invitation: { once: false, issuedAtMs: 1 } });
  });

  test.each([
    ["nothing", "", "neither"],
    ["a sentence", "come in", "neither"],
    ["half a line", textOf({ mark: INVITATION_MARK }, signed).slice(0, 200), "not whole"],
    ["other JSON", `{"invitation":{}}`, "parts"],
    ["null", "null", "parts"],
    ["a book", "x".repeat(70_000), "characters"],
    ["no text", 7, "parts"],
  ])("is not %s", (_, given, why) => {
    expect(() => readInvitation(given)).toThrow(
      expect.objectContaining({ code: "invalid_argument", field: "invitation", message: expect.stringContaining(why) }),
    );
  });
});

test("every failure of a call has words", () => {
  const reasons = [
    { type: "ContextNotFound" },
    { type: "Unauthorized", contextId: "c", publicKey: "ada" },
    { type: "Uninitialized" },
    { type: "ApplicationNotInstalled", applicationId: "a" },
    { type: "AliasResolutionFailed", alias: "bob" },
    { type: "InternalError" },
  ] as const;
  for (const reason of reasons) expect(wordsOf(new ExecuteFailure(reason))).toMatch(/^\S+( \S+)+$/);
  const failure = { kind: "ExecutionError", message: "the guest's own words" } as never;
  expect(wordsOf(new ExecuteFailure({ type: "FunctionCallError", failure }))).toBe("the guest's own words");
  expect(wordsOf(new ShoalError("internal", "no idea"))).toBe("the node failed: no idea");
  expect(wordsOf(new ShoalError("unavailable", "nobody answers"))).toBe("nobody answers");
});

test("events come flat, with values where they are JSON and numbers where they are not", () => {
  const contextId = "c" as ContextId;
  const data = (text: string): Uint8Array => new TextEncoder().encode(text);
  const events = [
    { kind: "Stored", data: data(`{"key":"größe"}`) },
    { kind: "Raw", data: Uint8Array.of(255, 0) },
  ];
  expect(tabEvent({ contextId, event: { type: "StateMutation", newRoot: "r", events } })).toEqual({
    contextId,
    type: "StateMutation",
    newRoot: "r",
    events: [
      { kind: "Stored", data: { key: "größe" } },
      { kind: "Raw", data: [255, 0] },
    ],
  });
  const presence = { type: "Ephemeral", author: "ada", state: data("[1]"), removed: false } as const;
  expect(tabEvent({ contextId, event: presence })).toMatchObject({ type: "Ephemeral", author: "ada", state: [1] });
  const joined: NodeEvent = { groupId: "g" as GroupId, event: { type: "MemberJoined", data: { member: "ada" } } };
  expect(tabEvent(joined)).toEqual({ groupId: "g", type: "MemberJoined", member: "ada" });
});

test("a name has one holder, until it is let go of", async () => {
  const release = await claim("a");
  await expect(claim("a")).rejects.toMatchObject({ code: "conflict" });
  const other = await claim("b");
  release();
  other();
  await expect.poll(() => claim("a").then((again) => (again(), true))).toBe(true);
});
