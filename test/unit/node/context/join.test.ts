import { identityRow } from "@shoal/node/context/identities.ts";
import { bytesOf, idOf, type ContextId, type GroupId } from "@shoal/node/model/ids.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import { keyOf, textKey } from "@shoal/node/storage/keys.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTeam, type Team } from "./pair.ts";

let team: Team;
let bob: Awaited<ReturnType<Team["open"]>>;
beforeAll(async () => {
  team = await openTeam();
  bob = await team.open("bob");
});
afterAll(() => team.close());

test("joining drops what an earlier stay left, and keeps the key that an invitation was accepted with", async () => {
  const contextId = idOf<ContextId>(new Uint8Array(32).fill(5));
  const member = keyPairOf(new Uint8Array(32).fill(6), "seed");
  const left = keyOf(bytesOf(contextId), textKey("left"));
  await bob.store.apply([
    identityRow(contextId, member.publicKey, member.secret),
    { column: "state", key: left, value: Uint8Array.of(1) },
  ]);
  const applicationId = idOf<Parameters<typeof bob.contexts.joinContext>[0]["applicationId"]>(new Uint8Array(32));
  const groupId = "ab".repeat(32) as GroupId;
  await bob.contexts.joinContext({ contextId, applicationId, version: "1.0.0", service: "default", groupId });
  expect(bob.store.get("state", left)).toBeUndefined();
  const owned = (await bob.contexts.identities(contextId)).filter((each) => each.owned);
  expect(owned.map(({ publicKey }) => publicKey)).toContain(member.publicKey);
});
