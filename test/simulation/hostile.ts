/**
 * What a liar does with rights that he has or had: deltas and ops that no honest node makes, told by gossip and pushed into
 * sessions. What is refused everywhere is remembered as forged, so that no guest is ever handed it.
 */
import { deltaIdOf, decodeDelta, encodeDelta, signedBytes, type Delta, type DeltaBody } from "@shoal/node/dag/delta.ts";
import { signOp } from "@shoal/node/governance/crypto.ts";
import { encodeOp } from "@shoal/node/governance/rules/parse.ts";
import type { Op, SignedOp } from "@shoal/node/governance/rules/op.ts";
import { bytesOf, idOf, type ContextId, type GroupId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { sign } from "@shoal/node/model/keys.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import { aadOf } from "@shoal/node/sync/tell.ts";
import { contextTopic, encodeGossip, namespaceTopic } from "@shoal/node/sync/wire.ts";
import { seeded, type Random } from "@shoal/shared/base/random.ts";
import { chosen, type Step } from "./plan.ts";
import type { Running, SimNode } from "./sim-node.ts";
import type { Simulation } from "./simulation.ts";

interface Liar {
  readonly sim: Simulation;
  readonly node: SimNode;
  readonly running: Running;
  readonly random: Random;
  readonly contextId: ContextId;
  readonly namespaceId: GroupId;
}

export function forge(sim: Simulation, { id, picks }: Step): void {
  const node = chosen(
    picks[0],
    sim.nodes.filter(({ hostile, running }) => hostile && running !== undefined),
  );
  const running = node?.running;
  const contextId = chosen(picks[1], running?.replicas.list() ?? []);
  const namespaceId =
    running === undefined || contextId === undefined ? undefined : running.governance.replica.namespaceOf(contextId);
  if (node === undefined || running === undefined || contextId === undefined || namespaceId === undefined) return;
  const random = seeded(id).child(`forge ${sim.plan.seed}`);
  const names = Object.keys(LIES);
  const name = chosen(picks[2], names)!;
  sim.ask(node, `lies: ${name}`, () => LIES[name]!({ sim, node, running, random, contextId, namespaceId }));
}

const LIES: Readonly<Record<string, (liar: Liar) => Promise<void>>> = {
  async "a delta altered after its author signed it"(liar) {
    const delta = await someDelta(liar);
    if (delta === undefined) return;
    const artifact = flipped(liar.random, delta.artifact.length > 0 ? delta.artifact : liar.random.bytes(40));
    await tell(liar, { ...delta, artifact }, true);
  },
  async "a delta in another's name"(liar) {
    const victim = chosen(liar.random.next(), liar.sim.honest);
    if (victim !== undefined) await tellOwn(liar, { author: bytesOf(victim.account.publicKey) }, true);
  },
  "a delta without the right to": (liar) =>
    tellOwn(liar, {}, liar.running.governance.replica.rightNow(liar.contextId, own(liar)) !== "write"),
  "a delta upon parents that nobody has": (liar) => tellOwn(liar, { parents: [liar.random.bytes(32)] }, false),
  "a delta of next week": (liar) => tellOwn(liar, { hlc: later(liar, 7n * 86_400n) }, false),
  "a delta of ten minutes from now": (liar) => tellOwn(liar, { hlc: later(liar, 600n) }, false),
  "a delta older than its parents": (liar) => tellOwn(liar, { hlc: { time: 1n, node: 1n } }, false),
  async "writes dated after their delta"(liar) {
    const model = await someDelta(liar);
    if (model === undefined || model.artifact.length === 0) return;
    const { artifact, parents, hlc } = model;
    await tellOwn(liar, { artifact, parents, hlc: { ...hlc, time: hlc.time - (1n << 31n) } }, false);
  },
  "a delta with another root": (liar) =>
    tellOwn(liar, { expectedRoot: liar.random.bytes(32), artifact: new Uint8Array() }, false),
  "a delta at a place in the log that is not": (liar) => tellOwn(liar, { position: [liar.random.bytes(32)] }, false),
  "a delta before his removal": (liar) => tellOwn(liar, { position: founding(liar) }, false),
  "a delta with no place in the log": (liar) => tellOwn(liar, { position: [] }, true),
  async "a delta for another context"(liar) {
    const delta = await someDelta(liar);
    const other = liar.running.replicas.list().find((each) => each !== liar.contextId);
    if (delta !== undefined && other !== undefined) await push(liar, [encodeDelta(delta)], other);
  },
  async "an old delta once more"(liar) {
    const delta = await someDelta(liar);
    if (delta !== undefined) await push(liar, [encodeDelta(delta), encodeDelta(delta)]);
  },
  async "two deltas of one moment"(liar) {
    const artifact = new Uint8Array();
    await tellOwn(liar, { artifact }, false);
    await tellOwn(liar, { artifact, expectedRoot: liar.random.bytes(32) }, false);
  },
  async "garbage on a topic"(liar) {
    await liar.running.network.publish(
      contextTopic(liar.contextId),
      liar.random.bytes(1 + Math.floor(liar.random.next() * 300)),
    );
  },
  async "garbage under seal"({ running, contextId, random }) {
    const topic = contextTopic(contextId);
    const sealed = await running.governance.replica.seal(
      { type: "context", contextId },
      random.bytes(100),
      aadOf(topic, "delta"),
    );
    await running.network.publish(topic, encodeGossip({ type: "delta", sealed }));
  },
  async "a whim of the wire"({ sim }) {
    sim.tampering = true;
    sim.world.after(3000, "wires are true again", () => void (sim.tampering = false));
  },
  "an op that was altered": (liar) => tellOp(liar, (op) => ({ ...op, atMs: op.atMs + 1 })),
  "an op in another's name": (liar) => {
    const victim = chosen(liar.random.next(), liar.sim.honest)?.account.publicKey ?? own(liar);
    return tellOp(liar, (op) => ({ ...signed(liar, op), signer: victim }));
  },
  "a number used twice": async (liar) => {
    await tellOp(liar, (op) => signed(liar, { ...op, action: { type: "Noop" } }));
    await tellOp(liar, (op) => signed(liar, { ...op, action: { type: "MemberLeft" } }));
  },
  "an op with a number far ahead": (liar) => tellOp(liar, (op) => signed(liar, { ...op, nonce: op.nonce + 1000 })),
  "a removal beside everything": (liar) => {
    const victim = chosen(liar.random.next(), liar.sim.honest)?.account.publicKey ?? own(liar);
    return tellOp(liar, (op) =>
      signed(liar, { ...op, parents: foundingOps(liar), action: { type: "MemberRemoved", member: victim } }),
    );
  },
  "a promotion of himself": (liar) =>
    tellOp(liar, (op) => signed(liar, { ...op, action: { type: "MemberRoleSet", member: own(liar), role: "Admin" } })),
  "an op upon parents that nobody has": (liar) =>
    tellOp(liar, (op) => signed(liar, { ...op, parents: [idOf<Hash>(liar.random.bytes(32))] })),
};

const own = ({ node }: Liar): PublicKey => node.account.publicKey;

function flipped(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[Math.floor(random.next() * copy.length)]! ^= 1 + Math.floor(random.next() * 255);
  return copy;
}

async function someDelta({ node, contextId, random }: Liar): Promise<Delta | undefined> {
  const all: Uint8Array[] = [];
  for await (const [, value] of node.disk.rows.scan("delta", prefixRange(bytesOf(contextId)))) all.push(value);
  const bytes = chosen(random.next(), all);
  return bytes === undefined ? undefined : decodeDelta(bytes);
}

function later({ sim, random }: Liar, seconds: bigint): DeltaBody["hlc"] {
  const now = BigInt(Math.floor((sim.epoch + sim.world.now) / 1000));
  return { time: (now + seconds) << 32n, node: BigInt(Math.floor(random.next() * 1e9)) };
}

const founding = (liar: Liar): Uint8Array[] => foundingOps(liar).map(bytesOf);

function foundingOps({ running, namespaceId }: Liar): Hash[] {
  const { genesis } = running.governance.replica.invitationOf(namespaceId)?.invitation ?? {};
  return genesis === undefined ? [...running.governance.heads(namespaceId)] : [genesis];
}

/** A delta of his own, as an honest one would be but for what is said. */
async function tellOwn(liar: Liar, lie: Partial<DeltaBody>, isForged: boolean): Promise<void> {
  const { running, contextId, namespaceId, node } = liar;
  const { heads = [], root } = running.replicas.summary(contextId) ?? {};
  if (root === undefined) return;
  const model = await someDelta(liar);
  const body: DeltaBody = {
    context: bytesOf(contextId),
    parents: heads.map(bytesOf).sort((a, b) => Buffer.compare(a, b)),
    artifact:
      isForged && model !== undefined && model.artifact.length > 0
        ? flipped(liar.random, model.artifact)
        : new Uint8Array(),
    hlc: later(liar, 1n),
    expectedRoot: bytesOf(root),
    author: bytesOf(node.account.publicKey),
    position: running.governance
      .heads(namespaceId)
      .map(bytesOf)
      .sort((a, b) => Buffer.compare(a, b)),
    events: [],
    ...lie,
  };
  const id = deltaIdOf(body);
  await tell(liar, { ...body, id, signature: sign(node.account.secret, signedBytes(id)) }, isForged);
}

async function tell(liar: Liar, delta: Delta, isForged: boolean): Promise<void> {
  const { sim, running, contextId } = liar;
  if (isForged && delta.artifact.length > 0) sim.forged.add(Buffer.from(delta.artifact).toString("hex"));
  const bytes = encodeDelta(delta);
  const topic = contextTopic(contextId);
  try {
    const sealed = await running.governance.replica.seal({ type: "context", contextId }, bytes, aadOf(topic, "delta"));
    await running.network.publish(topic, encodeGossip({ type: "delta", sealed }));
  } catch {
    // Without a key there are still sessions.
  }
  await push(liar, [bytes]);
}

async function push(
  { running, contextId, random }: Liar,
  deltas: readonly Uint8Array[],
  context = contextId,
): Promise<void> {
  const peer = chosen(random.next(), running.network.peers())?.peerId;
  if (peer === undefined) return;
  await running.sync.sessions.with(peer, (session) => session.ask("pushDeltas", { contextId: context, deltas }));
}

function signed({ node }: Liar, op: Omit<Op, "signer">): SignedOp {
  const { version, namespaceId, groupId, parents, nonce, atMs, action } = op;
  return signOp(node.account, { version, namespaceId, groupId, parents, nonce, atMs, action });
}

/** An op of his own, made of the one that he would sign next. */
async function tellOp(liar: Liar, make: (op: SignedOp) => SignedOp): Promise<void> {
  const { running, namespaceId, random, sim } = liar;
  const namespace = running.governance.namespaces().find(({ id }) => id === namespaceId);
  if (namespace === undefined) return;
  const honest = signed(liar, {
    version: 1,
    namespaceId,
    groupId: namespaceId,
    parents: running.governance.heads(namespaceId),
    nonce: (namespace.nonces.get(own(liar)) ?? 0) + 1,
    atMs: sim.epoch + Math.floor(sim.world.now),
    action: { type: "Noop" },
  });
  const bytes = encodeOp(make(honest));
  const topic = namespaceTopic(namespaceId);
  try {
    const scope = { type: "namespace", namespaceId } as const;
    const sealed = await running.governance.replica.seal(scope, bytes, aadOf(topic, "op"));
    if (random.next() < 0.5) await running.network.publish(topic, encodeGossip({ type: "op", sealed }));
  } catch {
    // Without a key there are still sessions.
  }
  const peer = chosen(random.next(), running.network.peers())?.peerId;
  if (peer === undefined) return;
  await running.sync.sessions.with(peer, (session) => session.ask("pushOps", { namespaceId, ops: [bytes] }));
}
