/** Ops carried between nodes by hand. */
import { hashOf, signOp } from "@shoal/node/governance/crypto.ts";
import type { ReceivedOps } from "@shoal/node/governance/replication.ts";
import { OP_VERSION, type Action, type LoggedOp, type Op } from "@shoal/node/governance/rules/op.ts";
import { encodeOp, parseOp } from "@shoal/node/governance/rules/parse.ts";
import { idOf, type GroupId, type Hash } from "@shoal/node/model/ids.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { clock, startNode, type NodeOptions, type TestNode } from "./node.ts";
import { applicationId, textOf } from "./people.ts";

export const newGroup = {
  applicationId: applicationId(1),
  upgradePolicy: { type: "Automatic" },
  visibility: "Open",
} as const;

interface Told {
  readonly hash: Hash;
  readonly bytes: Uint8Array;
}

/** Every op of a node's log, parents first. */
async function logOf(node: TestNode, namespaceId: GroupId): Promise<readonly Told[]> {
  const { replica } = node.governance;
  const ids = [...(await replica.ids(namespaceId)).items()].map(({ id }) => idOf<Hash>(id));
  const ops = await replica.ops(namespaceId, ids);
  const told = new Map<Hash, Told>();
  const visit = (hash: Hash): void => {
    const bytes = ops[ids.indexOf(hash)];
    if (bytes === undefined || told.has(hash)) return;
    for (const parent of parseOp(bytes).parents) visit(parent);
    told.set(hash, { hash, bytes });
  };
  for (const hash of ids) visit(hash);
  return [...told.values()];
}

export async function hashesOf(node: TestNode, namespaceId: GroupId): Promise<readonly Hash[]> {
  return (await logOf(node, namespaceId)).map(({ hash }) => hash);
}

/** Encoded. */
export async function opsOf(node: TestNode, namespaceId: GroupId): Promise<readonly Uint8Array[]> {
  return (await logOf(node, namespaceId)).map(({ bytes }) => bytes);
}

/** What `to` makes of everything that `from` has. */
export async function carry(from: TestNode, to: TestNode, namespaceId: GroupId): Promise<ReceivedOps> {
  await to.governance.replica.expect(namespaceId);
  return to.governance.replica.receive(namespaceId, await opsOf(from, namespaceId));
}

/** Everybody gets what anybody has. */
export async function level(namespaceId: GroupId, ...nodes: readonly TestNode[]): Promise<void> {
  for (const from of nodes) for (const to of nodes) if (from !== to) await carry(from, to, namespaceId);
  for (const from of nodes) for (const to of nodes) if (from !== to) await carry(from, to, namespaceId);
  for (const from of nodes) {
    for (const to of nodes) {
      const boxes = await from.governance.replica.boxesFor(namespaceId, to.governance.account);
      if (from !== to) await to.governance.replica.keepBoxes(boxes);
    }
  }
}

/** Heads and state: equal where two nodes agree. */
export function standOf(node: TestNode, namespaceId: GroupId): string {
  const { replica } = node.governance;
  return JSON.stringify([replica.heads(namespaceId), textOf(node.governance.group(namespaceId).namespace)]);
}

/** One node each, the first of whom founded a namespace in which all are admins, and which all have. */
export async function team(accounts: readonly KeyPair[], options: Omit<NodeOptions, "account"> = {}) {
  const nodes = await Promise.all(accounts.map((account) => startNode({ ...options, account })));
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error("a team has somebody");
  const id = await first.governance.createGroup(newGroup);
  const actions = others.map(({ governance }): Action => ({
    type: "MemberAdded",
    member: governance.account,
    role: "Admin",
  }));
  if (actions.length > 0) await first.governance.act(id, actions);
  await level(id, ...nodes);
  return { id, nodes };
}

/** An op that no node made. */
export function madeOp(
  who: KeyPair,
  fields: Partial<Op> & Pick<Op, "namespaceId" | "action">,
): LoggedOp & { readonly bytes: Uint8Array } {
  const op = signOp(who, {
    version: OP_VERSION,
    groupId: fields.namespaceId,
    parents: [],
    nonce: 1,
    atMs: clock.now(),
    ...fields,
  });
  return { hash: hashOf(op), op, bytes: encodeOp(op) };
}

/** Every order of a few things. */
export function* orders<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length === 0) yield [];
  for (const [at, first] of all.entries()) {
    for (const rest of orders(all.toSpliced(at, 1))) yield [first, ...rest];
  }
}
