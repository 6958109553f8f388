/** Ops as bytes: what was written is read, and nothing else is. */
import { governanceCrypto, signOp, signText } from "@shoal/node/governance/crypto.ts";
import { MAX_OP_BYTES } from "@shoal/node/governance/replication.ts";
import { checkForm } from "@shoal/node/governance/rules/form.ts";
import { OP_VERSION, type Action, type ActionType, type SignedOp } from "@shoal/node/governance/rules/op.ts";
import { encodeOp, parseOp } from "@shoal/node/governance/rules/parse.ts";
import { deviceBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import type { Hash, PublicKey } from "@shoal/node/model/ids.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { genesis } from "./branches.ts";
import { alice, applicationId, bob, carol, CHILD, contextId, founded, invitation, ROOT, seed } from "./people.ts";

const member = bob.publicKey;
const asked = invitation(alice, founded(), { contextId: contextId(1), invitee: member, once: true });
const box = Buffer.alloc(80, 7).toString("base64");
const metadata = { name: "n", data: { a: "b" } };
const evidence = {
  quoteHash: "aa".repeat(32),
  mrtd: "11",
  rtmr: ["", "", "", ""],
  tcbStatus: "ok",
  mock: false,
} as const;
const teePolicy = {
  allowedMrtd: ["11"],
  allowedRtmr: [[], [], [], []],
  allowedTcbStatuses: [],
  acceptMock: true,
} as const;
const right = { contextId: contextId(1), member, capability: 1 };

/** One of each kind, with every member that it may have. */
const ALL: { readonly [T in ActionType]: Omit<Extract<Action, { type: T }>, "type"> } = {
  NamespaceCreated: { seed: { ...seed, name: "n", upgradePolicy: { type: "Coordinated", deadlineMs: 1 } } },
  Noop: {},
  MemberAdded: { member, role: "Admin" },
  MemberRemoved: { member },
  MemberLeft: {},
  MemberRoleSet: { member, role: "ReadOnly" },
  MemberCapabilitySet: { member, capabilities: 511 },
  DefaultCapabilitiesSet: { capabilities: 0 },
  UpgradePolicySet: { policy: { type: "LazyOnAccess" } },
  TargetApplicationSet: { appKey: seed.appKey, applicationId: applicationId(1), version: "1", cascade: true },
  GroupMigrationSet: { migrateMethod: "m" },
  ContextRegistered: { contextId: contextId(1), creator: member, name: "n", service: "s" },
  ContextDetached: { contextId: contextId(1) },
  DefaultVisibilitySet: { visibility: "Open" },
  ContextVisibilitySet: { contextId: contextId(1), visibility: "Restricted" },
  ContextAllowlistReplaced: { contextId: contextId(1), members: [member, alice.publicKey] },
  ContextAliasSet: { contextId: contextId(1), alias: "ä\u{1f40b}" },
  MemberAliasSet: { member, alias: "\ud800" },
  GroupAliasSet: { alias: "x" },
  ContextMetadataSet: { contextId: contextId(1), metadata },
  MemberMetadataSet: { member, metadata: { data: {} } },
  GroupMetadataSet: { metadata },
  GroupDelete: {},
  JoinWithInvitationClaim: asked,
  MemberJoinedViaContextInvitation: asked,
  InvitationRevoked: { invitation: genesis.hash },
  MemberJoinedOpen: {},
  ContextCapabilityGranted: right,
  ContextCapabilityRevoked: right,
  SubgroupCreated: { childGroupId: CHILD, seed },
  SubgroupRemoved: { childGroupId: CHILD },
  SubgroupVisibilitySet: { visibility: "Open" },
  GroupReparented: { newParentId: CHILD },
  MemberSetAutoFollow: { member, autoFollow: { contexts: true, subgroups: false } },
  TransferOwnership: { newOwner: member },
  TeeAdmissionPolicySet: { policy: teePolicy },
  MemberJoinedViaTeeAttestation: { member, evidence, role: "ReadOnlyTee" },
  GroupKeyRotated: { scope: ROOT, keyId: "ab".repeat(32), boxes: { [member]: box } },
  AccountDeviceLinked: { device: member, proof: signText(bob.secret, deviceBytes(ROOT, alice.publicKey)) },
  AccountDeviceUnlinked: { device: member },
};
const actions = Object.entries(ALL).map(([type, rest]) => ({ type, ...rest }) as Action);

function signed(action: Action, more: Partial<SignedOp> = {}): SignedOp {
  const parents: readonly Hash[] = action.type === "NamespaceCreated" ? [] : [genesis.hash];
  const parts = { version: OP_VERSION, namespaceId: ROOT, groupId: ROOT, parents, nonce: 1, atMs: 5, action };
  return signOp(alice, { ...parts, ...more });
}

/** The field that a refusal names. */
function fieldOf(bytes: Uint8Array): string | undefined {
  try {
    parseOp(bytes);
  } catch (error) {
    if (error instanceof ShoalError && error.code === "invalid_argument") return error.field;
    throw error;
  }
  return "accepted";
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const altered = (op: SignedOp, more: object): Uint8Array => encodeOp({ ...op, ...more });

test.each(actions.map((action) => [action.type, action] as const))("%s is read as it was written", (_, action) => {
  const op = signed(action);
  const parsed = parseOp(encodeOp(op));
  expect(parsed).toEqual(op);
  expect(checkForm(parsed, governanceCrypto)).toBeUndefined();
});

test("the form is looked at: version, founding, and every signature", () => {
  const reason = (op: SignedOp): string | undefined => checkForm(op, governanceCrypto)?.reason;
  const noop = signed({ type: "Noop" });
  expect(reason(signed({ type: "Noop" }, { version: 2 }))).toBe("unknown_version");
  expect(reason(signed({ type: "Noop" }, { parents: [] }))).toBe("invalid");
  expect(reason(signed({ type: "NamespaceCreated", seed }, { groupId: CHILD }))).toBe("invalid");
  expect(reason({ ...noop, atMs: 6 })).toBe("bad_signature");
  expect(reason({ ...noop, signer: carol.publicKey })).toBe("bad_signature");
  const proof = signText(bob.secret, deviceBytes(ROOT, carol.publicKey));
  expect(reason(signed({ type: "AccountDeviceLinked", device: member, proof }))).toBe("bad_signature");
  const other = { ...asked, invitation: { ...asked.invitation, once: false } };
  expect(reason(signed({ type: "JoinWithInvitationClaim", ...other }))).toBe("bad_signature");
});

test("names the field that is wrong", () => {
  const op = signed({ type: "MemberAdded", member, role: "Member" });
  const [low, high] = [genesis.hash, applicationId(1) as string as Hash].sort() as [Hash, Hash];
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["op", text("{")],
    ["op", Uint8Array.of(0xff)],
    ["op", text(`${new TextDecoder().decode(encodeOp(op))} `)],
    ["op", new Uint8Array(MAX_OP_BYTES + 1)],
    ["op", text("null")],
    ["op.parents", altered(op, { parents: [high, low] })],
    ["op.parents", altered(op, { parents: [low, low] })],
    ["op.parents", altered(op, { parents: Array.from({ length: 257 }, () => low) })],
    ["op.parents.0", altered(op, { parents: ["x"] })],
    ["op.namespaceId", altered(op, { namespaceId: ROOT.toUpperCase() })],
    ["op.nonce", altered(op, { nonce: 0 })],
    ["op.nonce", altered(op, { nonce: 2 ** 53 })],
    ["op.atMs", altered(op, { atMs: 1.5 })],
    ["op.signature", altered(op, { signature: "1".repeat(91) })],
    ["op.action.type", altered(op, { action: { type: "constructor" } })],
    ["op.action.member", altered(op, { action: { ...op.action, member: "z".repeat(100_000) } })],
    ["op.action.role", altered(op, { action: { ...op.action, role: "Owner" } })],
    ["op.action", altered(op, { action: { ...op.action, more: 1 } })],
  ];
  for (const [field, bytes] of cases) expect(fieldOf(bytes)).toBe(field);
});

test("an op with a box too small, too large or of other text is refused", () => {
  for (const wrong of [Buffer.alloc(79), Buffer.alloc(129)]
    .map((each) => each.toString("base64"))
    .concat("!".repeat(108))) {
    const boxes = { [member]: wrong } as Record<PublicKey, string>;
    const action = { type: "GroupKeyRotated", scope: ROOT, keyId: "ab".repeat(32), boxes } as const;
    expect(fieldOf(encodeOp(signed(action)))).toBe(`op.action.boxes.${member}`);
  }
});

test("a key boxed for as many as the limit says fits an op", () => {
  const boxes: Record<string, string> = {};
  for (let n = 0; Object.keys(boxes).length < 6000; n++) boxes[governanceCrypto.hash(text(String(n)))] = box;
  const op = signed({ type: "GroupKeyRotated", scope: ROOT, keyId: "ab".repeat(32), boxes });
  const bytes = encodeOp(op);
  expect(bytes.length).toBeLessThan(MAX_OP_BYTES);
  expect(parseOp(bytes)).toEqual(op);
});

test("whatever bytes come, they are the one encoding of an op or are refused as the caller's fault", () => {
  const bytes = actions.map((action) => encodeOp(signed(action)));
  const damaged = fc
    .tuple(fc.constantFrom(...bytes), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
    .map(([whole, changes]) => {
      const copy = Uint8Array.from(whole);
      for (const [at, to] of changes) copy[at % copy.length] = to;
      return copy;
    });
  const cut = fc.tuple(fc.constantFrom(...bytes), fc.nat()).map(([whole, at]) => whole.subarray(0, at % whole.length));
  const json = fc.jsonValue().map((value) => text(JSON.stringify(value)));
  fc.assert(
    fc.property(fc.oneof(damaged, cut, json, fc.uint8Array({ maxLength: 300 })), (input) => {
      if (fieldOf(input) !== "accepted") return;
      expect(Buffer.compare(encodeOp(parseOp(input)), input)).toBe(0);
    }),
    { numRuns: 3000 },
  );
});

test("values of any type in the place of any member are refused or read as they are", () => {
  fc.assert(
    fc.property(fc.constantFrom(...actions), fc.nat(), fc.jsonValue(), (action, at, value) => {
      const names = Object.keys(action);
      const name = names[at % names.length]!;
      const op = signed(action);
      const changed = { ...op, action: { ...action, [name]: value } as Action };
      const bytes = encodeOp(changed);
      if (fieldOf(bytes) === "accepted") expect(encodeOp(parseOp(bytes))).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});
