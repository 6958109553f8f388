import { beforeEach, expect, test } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import type { ExecuteRight } from "@shoal/node/context/membership.ts";
import type { ContextReplicas } from "@shoal/node/context/replica.ts";
import type { GovernanceReplica } from "@shoal/node/governance/replication.ts";
import { groupIdOf } from "@shoal/node/governance/keys.ts";
import { idOf, type ContextId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import type { Fault, Network } from "@shoal/node/network/contract.ts";
import { syncCounters } from "@shoal/node/sync/counters.ts";
import { KINDS, type AskOf, type Kind } from "@shoal/node/sync/exchanges.ts";
import type { SyncParts } from "@shoal/node/sync/parts.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import { createService } from "@shoal/node/sync/service.ts";
import { openSession, type Session } from "@shoal/node/sync/session.ts";
import { DEFAULT_SYNC } from "@shoal/node/sync/settings.ts";
import { channelPair } from "../../../support/channel-pair.ts";

const random = seeded(11);
const host = keyPairOf(random.bytes(32), "host");
const guest = keyPairOf(random.bytes(32), "guest");
const contextId = idOf<ContextId>(random.bytes(32));
const elsewhere = idOf<ContextId>(random.bytes(32));
const namespaceId = groupIdOf(random.bytes(32));
const hash = idOf<Hash>(random.bytes(32));

/** What the guest may do now, and what was touched for it. */
const world = {
  right: "none" as ExecuteRight,
  belongs: false,
  invited: false,
  touched: [] as string[],
  faults: [] as Fault[],
};
beforeEach(() => Object.assign(world, { right: "none", belongs: false, invited: false, touched: [], faults: [] }));

/** Everything that reads or changes notes that it did. */
function noting<T extends object>(known: Partial<T>, silent: readonly (keyof T)[]): T {
  return new Proxy(known, {
    get(target, name) {
      const own = (target as Record<string | symbol, unknown>)[name];
      if (typeof own !== "function" || silent.includes(name as keyof T)) return own;
      return (...given: unknown[]) => {
        world.touched.push(String(name));
        return (own as (...all: unknown[]) => unknown)(...given);
      };
    },
  }) as T;
}

const summary = { contextId, isInitialized: true, root: hash, heads: [hash], deltas: 1, layout: "host" } as const;
const snapshot = {
  boundary: {
    root: hash,
    heads: [],
    layout: "host",
    deltas: 1,
    applicationId: "a",
    version: "1",
    appKey: "",
    service: "default",
  },
  get: () => undefined,
  rows: async () => [],
  ids: () => [],
  [Symbol.dispose]: () => undefined,
} as const;
const received = { applied: [], known: [], waiting: [], refused: [] };
const contexts = noting<ContextReplicas>(
  {
    summary: (id) => (id === contextId ? summary : undefined),
    ids: async () => createIdSet(),
    deltas: async (_id, ids) => ids.map(() => Uint8Array.of(1)),
    receive: async () => received,
    mergeEntities: async () => hash,
    snapshot: async () => snapshot,
    stateOf: async () => snapshot,
  },
  ["summary"],
);
const governance = noting<GovernanceReplica>(
  {
    rightNow: (id, who) => (id === contextId && who === guest.publicKey ? world.right : "none"),
    belongs: (_id, who: PublicKey) => who === guest.publicKey && world.belongs,
    mayShow: () => (world.invited ? namespaceId : undefined),
    heads: () => [hash],
    ids: async () => createIdSet(),
    ops: async () => [],
    receive: async () => ({ added: [], known: [], waiting: [], refused: [] }),
    boxesFor: async () => [],
  },
  ["rightNow", "belongs", "mayShow"],
);
const network = {
  self: "peer-host",
  report: (_peer: string, fault: Fault) => void world.faults.push(fault),
} as unknown as Network;
const parts: SyncParts = {
  network,
  contexts,
  governance,
  account: host,
  clock: systemClock,
  random,
  log: silentLog,
  settings: DEFAULT_SYNC,
  counters: syncCounters(),
};

async function visit(): Promise<Session> {
  const [one, two] = channelPair({ clock: systemClock, ends: ["peer-guest", "peer-host"] });
  void createService(parts, () => undefined)(two).catch(() => undefined);
  return openSession({ network: { self: "peer-guest" }, account: guest, random }, one);
}

const question = startReconciliation(createIdSet(), { key: random.bytes(16) }).request() ?? new Uint8Array();
const invitation = {
  invitation: {
    inviter: host.publicKey,
    groupId: namespaceId,
    issuedAtMs: 1,
    expiresAtMs: 2,
    salt: "00".repeat(32),
    once: false,
  },
  inviterSignature: "1".repeat(64),
};
const asks: { readonly [K in Kind]: AskOf<K> } = {
  contextState: contextId,
  reconcileDeltas: { contextId, body: question },
  deltas: { contextId, ids: [hash] },
  pushDeltas: { contextId, deltas: [Uint8Array.of(1)] },
  tree: { contextId, body: new Uint8Array() },
  pushEntities: { contextId, artifact: Uint8Array.of(0) },
  snapshot: contextId,
  snapshotRows: { after: undefined },
  snapshotIds: { after: undefined },
  namespaceState: namespaceId,
  reconcileOps: { namespaceId, body: question },
  ops: { namespaceId, hashes: [hash] },
  pushOps: { namespaceId, ops: [Uint8Array.of(1)] },
  showInvitation: JSON.stringify(invitation),
  boxes: namespaceId,
};

test.each(KINDS)("a stranger that asks %s hears nothing, and nothing is read for it", async (kind) => {
  const session = await visit();
  const code = kind.startsWith("snapshot") && kind !== "snapshot" ? "conflict" : "not_found";
  await expect(session.ask(kind, asks[kind])).rejects.toMatchObject({ code });
  expect(world.touched).toEqual([]);
});

test("of a context that is not here a member hears what a stranger hears of one that is", async () => {
  world.right = "write";
  const session = await visit();
  const missing = await session.ask("contextState", elsewhere).catch((thrown: unknown) => thrown);
  world.right = "none";
  expect(await session.ask("contextState", contextId).catch((thrown: unknown) => thrown)).toEqual(missing);
});

test("a member is answered until it is removed, on the same channel", async () => {
  world.right = "read";
  const session = await visit();
  expect((await session.ask("contextState", contextId)).root).toBe(hash);
  expect(await session.ask("deltas", asks.deltas)).toHaveLength(1);
  await session.ask("snapshot", contextId);
  world.right = "none";
  await expect(session.ask("deltas", asks.deltas)).rejects.toMatchObject({ code: "not_found" });
  await expect(session.ask("snapshotRows", { after: undefined })).rejects.toMatchObject({ code: "not_found" });
});

test("who may only read hands over no entities, and is held to having tried", async () => {
  world.right = "read";
  const session = await visit();
  await expect(session.ask("pushEntities", asks.pushEntities)).rejects.toMatchObject({ code: "permission_denied" });
  expect([world.touched, world.faults]).toEqual([[], ["unauthorized"]]);
  world.right = "write";
  expect(await session.ask("pushEntities", asks.pushEntities)).toBe(hash);
});

test("an invitation opens the log of its namespace, on its channel alone, and no keys", async () => {
  world.invited = true;
  const session = await visit();
  expect(await session.ask("showInvitation", asks.showInvitation)).toBe(namespaceId);
  expect((await session.ask("namespaceState", namespaceId)).heads).toEqual([hash]);
  await expect(session.ask("boxes", namespaceId)).rejects.toMatchObject({ code: "not_found" });
  await expect((await visit()).ask("namespaceState", namespaceId)).rejects.toMatchObject({ code: "not_found" });
});

test.each(["", "{}", "[]", `{"invitation":{}}`, "no json", JSON.stringify({ ...invitation, invitation: null })])(
  "what is no invitation is refused: %s",
  async (json) => {
    world.invited = true;
    const session = await visit();
    await expect(session.ask("showInvitation", json)).rejects.toMatchObject({ code: "invalid_argument" });
  },
);
