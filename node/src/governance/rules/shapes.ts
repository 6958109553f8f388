/** The shape of every op, as zod schemas: which members it has and how large each may be. What they mean is the rules' word. */
import { z } from "zod";
import { parseBase58 } from "../../model/ids.ts";
import type { ActionType } from "./op.ts";
import { LIMITS } from "./state.ts";

/** Characters of an Ed25519 signature in base58, at most; longer text is refused before it is decoded, which is quadratic. */
const SIGNATURE_CHARACTERS = 90;
/** Names of versions, services and methods; none of them has a meaning to the rules. */
const WORD_CHARACTERS = 256;
/** Registers and measurements of a quote: SHA-384 is 96 digits. */
const MEASUREMENT_DIGITS = 128;
/** A sealed box of 80 to 128 bytes in base64. */
const BOX = /^(?:[A-Za-z0-9+/]{4}){26,42}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BOX_BYTES = { least: 80, most: 128 } as const;

function isId(text: string): boolean {
  try {
    parseBase58(text, "");
    return true;
  } catch {
    return false;
  }
}

function isBox(text: string): boolean {
  const bytes = (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
  return BOX.test(text) && bytes >= BOX_BYTES.least && bytes <= BOX_BYTES.most;
}

const id = z.string().refine(isId, "expected base58 of 32 bytes");
const hex32 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");
const signature = z
  .string()
  .max(SIGNATURE_CHARACTERS)
  .regex(/^[1-9A-HJ-NP-Za-km-z]+$/, "expected base58");
const word = z.string().max(WORD_CHARACTERS);
const name = z.string().max(LIMITS.nameBytes);
const time = z.int().min(0).max(8.64e15);
const mask = z.int().min(0).max(0xffff_ffff);
const bit = z.int().min(0).max(0xff);
const role = z.enum(["Admin", "Member", "ReadOnly", "ReadOnlyTee"]);
const visibility = z.enum(["Open", "Restricted"]);
const policy = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("Automatic") }),
  z.strictObject({ type: z.literal("LazyOnAccess") }),
  z.strictObject({ type: z.literal("Coordinated"), deadlineMs: time.optional() }),
]);
const metadata = z.strictObject({
  name: name.optional(),
  data: z.record(z.string().max(LIMITS.metadataKeyBytes), z.string().max(LIMITS.metadataValueBytes)),
});
const seed = z.strictObject({
  appKey: hex32,
  applicationId: id,
  version: word,
  upgradePolicy: policy,
  visibility,
  name: name.optional(),
});
const claim = {
  invitation: z.strictObject({
    inviter: id,
    groupId: hex32,
    genesis: id.optional(),
    contextId: id.optional(),
    issuedAtMs: time,
    expiresAtMs: time,
    salt: hex32,
    invitee: id.optional(),
    once: z.boolean(),
  }),
  inviterSignature: signature,
};
const digits = z
  .string()
  .max(MEASUREMENT_DIGITS)
  .regex(/^[0-9a-f]*$/, "expected lower-case hex digits");
const measurements = z.array(digits).max(LIMITS.measurements);
const teePolicy = z.strictObject({
  allowedMrtd: measurements,
  allowedRtmr: z.tuple([measurements, measurements, measurements, measurements]),
  allowedTcbStatuses: z.array(word).max(LIMITS.measurements),
  acceptMock: z.boolean(),
});
const evidence = z.strictObject({
  quoteHash: hex32,
  mrtd: digits,
  rtmr: z.tuple([digits, digits, digits, digits]),
  tcbStatus: word,
  mock: z.boolean(),
});
const boxes = z
  .record(id, z.string().refine(isBox, `expected base64 of ${BOX_BYTES.least} to ${BOX_BYTES.most} bytes`))
  .refine((all) => Object.keys(all).length <= LIMITS.boxes, `expected at most ${LIMITS.boxes} boxes`);

const inContext = { contextId: id };
const ofMember = { member: id };
const contextRight = { ...inContext, ...ofMember, capability: bit };
const autoFollow = z.strictObject({ contexts: z.boolean(), subgroups: z.boolean() });

const members: { readonly [T in ActionType]: z.ZodRawShape } = {
  NamespaceCreated: { seed },
  Noop: {},
  MemberAdded: { ...ofMember, role },
  MemberRemoved: ofMember,
  MemberLeft: {},
  MemberRoleSet: { ...ofMember, role },
  MemberCapabilitySet: { ...ofMember, capabilities: mask },
  DefaultCapabilitiesSet: { capabilities: mask },
  UpgradePolicySet: { policy },
  TargetApplicationSet: {
    appKey: hex32,
    applicationId: id,
    version: word,
    cascade: z.boolean(),
    migrateMethod: word.optional(),
  },
  GroupMigrationSet: { migrateMethod: word.optional() },
  ContextRegistered: { ...inContext, creator: id.optional(), name: name.optional(), service: word.optional() },
  ContextDetached: inContext,
  DefaultVisibilitySet: { visibility },
  ContextVisibilitySet: { ...inContext, visibility },
  ContextAllowlistReplaced: { ...inContext, members: z.array(id).max(LIMITS.members) },
  ContextAliasSet: { ...inContext, alias: name },
  MemberAliasSet: { ...ofMember, alias: name },
  GroupAliasSet: { alias: name },
  ContextMetadataSet: { ...inContext, metadata },
  MemberMetadataSet: { ...ofMember, metadata },
  GroupMetadataSet: { metadata },
  GroupDelete: {},
  JoinWithInvitationClaim: claim,
  MemberJoinedViaContextInvitation: claim,
  InvitationRevoked: { invitation: id },
  MemberJoinedOpen: {},
  ContextCapabilityGranted: contextRight,
  ContextCapabilityRevoked: contextRight,
  SubgroupCreated: { childGroupId: hex32, seed },
  SubgroupRemoved: { childGroupId: hex32 },
  SubgroupVisibilitySet: { visibility },
  GroupReparented: { newParentId: hex32 },
  MemberSetAutoFollow: { ...ofMember, autoFollow },
  TransferOwnership: { newOwner: id },
  TeeAdmissionPolicySet: { policy: teePolicy },
  MemberJoinedViaTeeAttestation: { ...ofMember, evidence, role },
  GroupKeyRotated: { scope: hex32, keyId: hex32, boxes },
  AccountDeviceLinked: { device: id, proof: signature },
  AccountDeviceUnlinked: { device: id },
};

/** Of each type of action, without `type`. */
export const actionShapes = new Map<string, z.ZodType>(
  Object.entries(members).map(([type, shape]) => [type, z.strictObject({ type: z.literal(type), ...shape })]),
);

export const opShape = z.strictObject({
  version: z.int().min(0).max(0xffff),
  namespaceId: hex32,
  groupId: hex32,
  parents: z
    .array(id)
    .max(LIMITS.parents)
    .refine((all) => all.every((each, at) => at === 0 || all[at - 1]! < each), "expected ascending, each once"),
  signer: id,
  nonce: z.int().min(1),
  atMs: time,
  action: z.looseObject({ type: z.string() }),
  signature,
});
