/** A node's governance on a real store, with its clock, its events and what it asked of contexts in the test's hands. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { createEventBus } from "@shoal/node/events.ts";
import type { AdmitInput } from "@shoal/node/context/membership.ts";
import { createGovernance } from "@shoal/node/governance/governance.ts";
import type { Governance, Joiner } from "@shoal/node/governance/contract.ts";
import type { Application } from "@shoal/node/model/application.ts";
import type { EventBus, NodeEvent } from "@shoal/node/model/event.ts";
import { bytesOf, type ApplicationId, type BlobId, type ContextId, type GroupId } from "@shoal/node/model/ids.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Row, Store } from "@shoal/node/storage/store.ts";
import { afterEach } from "vitest";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { alice, applicationId, contextId } from "./people.ts";

export const clock = createVirtualClock();

/** `blob`: versions of one bundle share its id. */
function application(n: number, version: string, signerId = "did:key:z1", blob = n): Application {
  return {
    id: applicationId(n),
    blob: applicationId(blob) as string as BlobId,
    size: 1,
    source: "upload",
    metadata: new Uint8Array(),
    package: "chat",
    version,
    signerId,
    modules: [
      {
        service: "default",
        bytecode: applicationId(n) as string as BlobId,
        prepared: applicationId(n) as string as BlobId,
        hash: "cd".repeat(32),
        methods: [],
        readOnly: [],
        generation: "G3",
        profile: "rust",
      },
    ],
    installedAtMs: 0,
  };
}

/** 1 and 2 follow each other, 3 is older than both, 4 is somebody else's, 7 follows all; 5 has two versions, the newest first. */
const installed = [
  application(5, "1.1.0", "did:key:z1", 6),
  application(5, "1.0.0"),
  application(1, "1.0.0"),
  application(2, "2.0.0"),
  application(3, "0.9.0"),
  application(4, "3.0.0", "did:key:z2"),
  application(7, "3.0.0"),
];
export const applications = {
  get: async (id: ApplicationId, version?: string) =>
    installed.find((each) => each.id === id && (version === undefined || each.version === version)),
  history: async (id: ApplicationId) => installed.filter((each) => each.id === id),
};

export interface TestNode {
  readonly governance: Governance;
  readonly store: Store;
  readonly bus: EventBus;
  /** What was published on it. */
  readonly events: NodeEvent[];
  /** `context:application@version:method` of each move, in order. */
  readonly moves: string[];
  /** Contexts whose moves fail. */
  readonly failing: Set<ContextId>;
  /** Applications that are not here. */
  readonly missing: Set<ApplicationId>;
  /** Closes, opens again on the same directory, and resumes. */
  restart(): Promise<TestNode>;
}

const closing: (() => Promise<void>)[] = [];
let lives = 0;

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export interface NodeOptions {
  /** Alice, where nobody is named. */
  readonly account?: KeyPair;
  /** Absent: a new one, removed after the test. */
  readonly path?: string;
  /** What governance has for a store. */
  readonly wrap?: (store: Store) => Store;
  readonly joiner?: Joiner;
  readonly addresses?: readonly string[];
}

export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const { account = alice, path, wrap = (same) => same, joiner, addresses = [] } = options;
  const directory = path ?? (await mkdtemp(join(tmpdir(), "shoal-governance-")));
  if (path === undefined) closing.push(() => rm(directory, { recursive: true, force: true }));
  const store = await openStore({ path: directory, log: silentLog });
  const bus = createEventBus(silentLog);
  const events: NodeEvent[] = [];
  bus.subscribe((event) => void events.push(event));
  const moves: string[] = [];
  const failing = new Set<ContextId>();
  const missing = new Set<ApplicationId>();
  const governance = await createGovernance({
    store: wrap(store),
    clock,
    // Keys are drawn from it: no two nodes, and no two lives of one, may draw the same.
    random: seeded(1).child(`${account.publicKey} ${lives++}`),
    log: silentLog,
    events: bus,
    account,
    addresses: () => addresses,
    ...(joiner === undefined ? {} : { joiner }),
    applications: {
      ...applications,
      get: async (id, version) => (missing.has(id) ? undefined : applications.get(id, version)),
    },
    updateContext: async (context, { applicationId: target, version, migrateMethod }) => {
      moves.push(`${context}:${target}@${version}:${migrateMethod ?? ""}`);
      if (failing.has(context)) throw new Error("the migration trapped");
      await store.apply([contextRow(context, target, version)]);
    },
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await governance.close();
    await store.close();
  };
  closing.push(close);
  const restart = async (): Promise<TestNode> => {
    await close();
    const next = await startNode({ ...options, path: directory });
    next.governance.upgrades.resume();
    return next;
  };
  return { governance, store, bus, events, moves, failing, missing, restart };
}

export function newContext(n: number, more: Partial<AdmitInput> = {}): AdmitInput {
  return { contextId: contextId(n), applicationId: applicationId(1), identity: alice.publicKey, ...more };
}

/** Registers a context, in a group of its own unless one is named. */
export async function admit({ governance, store }: TestNode, n: number, groupId?: GroupId): Promise<GroupId> {
  const input = newContext(n, groupId === undefined ? {} : { groupId });
  const own = contextRow(input.contextId, input.applicationId, "1.0.0");
  await governance.admit(input, (rows: readonly Row[]) => store.apply([...rows, own]));
  return groupIn(governance, n);
}

/** The row of a context that is here and runs that version. */
export function contextRow(id: ContextId, application: ApplicationId, version: string): Row {
  const hash = "1".repeat(32);
  const stored = { applicationId: application, version, service: "default", rootHash: hash, dagHeads: [], groupId: "" };
  const value = Buffer.from(JSON.stringify({ ...stored, isInitialized: true, createdAtMs: 0 }));
  return { column: "meta", key: bytesOf(id), value: Uint8Array.from(value) };
}

function groupIn(governance: Governance, n: number): GroupId {
  const id = governance.groupOf(contextId(n));
  if (id === undefined) throw new Error("the context is in no group");
  return id;
}
