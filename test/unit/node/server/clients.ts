/**
 * What the server asks of the rest of the node, kept in memory: one context with a key-value application, blobs, aliases.
 * The interfaces are the seam; what is behind them has tests of its own.
 */
import { createHash } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { ContextClient, ExecuteInput } from "@shoal/node/clients/context-client.ts";
import type { NetworkClient } from "@shoal/node/clients/network-client.ts";
import type { Aliases, Applications, Blobs, NodeClient } from "@shoal/node/clients/node-client.ts";
import { ExecuteFailure } from "@shoal/node/context/execute-failure.ts";
import type { Application } from "@shoal/node/model/application.ts";
import type { Context } from "@shoal/node/model/context.ts";
import type { EventBus, NodeEvent } from "@shoal/node/model/event.ts";
import { idOf, type BlobId, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import type { Row, Store } from "@shoal/node/storage/store.ts";
import { ALICE, APPLICATION, BOB, CONTEXT, GROUP, id } from "./ids.ts";

const NONE = { rows: 0, bytes: 0, steps: 0 };

export interface MemoryContexts extends ContextClient {
  readonly executed: ExecuteInput[];
  /** What `execute` does next; default: `get` and `set` of a map. */
  run: ((input: ExecuteInput) => Promise<Uint8Array | undefined>) | undefined;
}

const context: Context = {
  id: CONTEXT,
  applicationId: APPLICATION,
  version: "1.0.0",
  service: "default",
  rootHash: id<Hash>(9),
  dagHeads: [id<Hash>(10)],
  groupId: GROUP,
  isInitialized: true,
  createdAtMs: 1,
};

export function memoryContexts(): MemoryContexts {
  const contexts = new Map<ContextId, Context>([[CONTEXT, context]]);
  const values = new Map<string, unknown>();
  const existing = (wanted: ContextId): Context => {
    const found = contexts.get(wanted);
    if (found === undefined) throw new ShoalError("not_found", "this node has no such context");
    return found;
  };
  const call = ({ method, args }: ExecuteInput): unknown => {
    const named = JSON.parse(new TextDecoder().decode(args)) as { key: string; value?: unknown };
    if (method === "get") return values.get(named.key) ?? null;
    if (method === "set") return void values.set(named.key, named.value);
    throw new ExecuteFailure({
      type: "FunctionCallError",
      failure: { kind: "MethodResolutionError", detail: "MethodNotFound", message: `method ${method} not found` },
    });
  };
  const clients: MemoryContexts = {
    executed: [],
    run: undefined,
    execute: async (input) => {
      clients.executed.push(input);
      if (!contexts.has(input.contextId)) throw new ExecuteFailure({ type: "ContextNotFound" });
      const output = clients.run === undefined ? jsonOf(call(input)) : await clients.run(input);
      return { output, logs: [], gasUsed: 1n };
    },
    createContext: async (input) => {
      if (input.applicationId !== APPLICATION)
        throw new ExecuteFailure({ type: "ApplicationNotInstalled", applicationId: input.applicationId });
      const made = { ...context, id: idOf<ContextId>(input.seed ?? new Uint8Array(32).fill(77)) };
      contexts.set(made.id, made);
      return { contextId: made.id, memberPublicKey: ALICE, groupId: input.groupId ?? GROUP, groupCreated: true };
    },
    joinContext: async (input) => {
      if (contexts.has(input.contextId)) return false;
      contexts.set(input.contextId, { ...context, id: input.contextId, isInitialized: false });
      return true;
    },
    deleteContext: async (wanted) => wanted !== CONTEXT && contexts.delete(wanted),
    listContexts: async () => [...contexts.values()],
    getContext: async (wanted) => contexts.get(wanted),
    updateApplication: async () => undefined,
    identities: async (wanted) => {
      existing(wanted);
      return [
        { publicKey: BOB, owned: false },
        { publicKey: ALICE, owned: true },
      ];
    },
    storageBytes: async () => 42,
    sync: async () => undefined,
    syncStatus: async (wanted) => {
      existing(wanted);
      return { contextId: wanted, isInitialized: true, syncState: "idle", failureCount: 0 };
    },
    setEphemeral: async (wanted) => void existing(wanted),
    collectTombstones: () => Promise.reject(new Error("clients cannot ask for it")),
    collectOrphan: () => Promise.reject(new Error("clients cannot ask for it")),
  };
  return clients;
}

const jsonOf = (value: unknown): Uint8Array | undefined =>
  value === undefined ? undefined : new TextEncoder().encode(JSON.stringify(value));

const application: Application = {
  id: APPLICATION,
  blob: id<BlobId>(11),
  size: 3,
  source: "upload",
  metadata: Uint8Array.of(1, 2),
  package: "com.example.kv",
  version: "1.0.0",
  signerId: "did:key:z6Mk",
  modules: [
    {
      service: "default",
      bytecode: id<BlobId>(12),
      prepared: id<BlobId>(13),
      hash: "00".repeat(32),
      methods: ["get", "set"],
      readOnly: ["get"],
      abi: JSON.stringify({ schema_version: "wasm-abi/1", methods: [] }),
      generation: "G3",
      profile: "rust",
    },
  ],
  installedAtMs: 1,
};

function memoryApplications(): Applications {
  const installed = async (): Promise<typeof APPLICATION> => APPLICATION;
  return {
    installFromUrl: installed,
    installFromPath: installed,
    installFromBlob: installed,
    get: async (wanted) => (wanted === APPLICATION ? application : undefined),
    list: async () => [application],
    history: async () => [application],
    uninstall: async (wanted) => {
      if (wanted === APPLICATION) throw new ShoalError("conflict", "a context runs it");
      return false;
    },
    packages: async () => [application.package],
    versions: async (name) => (name === application.package ? ["1.0.0"] : []),
    latest: async (name) =>
      name === application.package ? { applicationId: APPLICATION, version: "1.0.0" } : undefined,
  };
}

export interface MemoryBlobs extends Blobs {
  readonly held: Map<BlobId, Uint8Array>;
  /** Contexts that blobs were stored for. */
  readonly shared: readonly ContextId[];
}

export function memoryBlobs(): MemoryBlobs {
  const held = new Map<BlobId, Uint8Array>();
  const shared: ContextId[] = [];
  return {
    held,
    shared,
    add: async (content, { expected, sharedIn } = {}) => {
      if (sharedIn !== undefined) shared.push(sharedIn);
      const pieces: Uint8Array[] = [];
      for await (const piece of content) pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      const digest = createHash("sha256").update(bytes).digest();
      if (expected !== undefined && expected !== digest.toString("hex"))
        throw new ShoalError("invalid_argument", "the content has another hash", { field: "hash" });
      const blobId = idOf<BlobId>(digest);
      held.set(blobId, bytes);
      return { blobId, size: bytes.length };
    },
    info: async (wanted) => {
      const bytes = held.get(wanted);
      return bytes === undefined ? undefined : { blobId: wanted, size: bytes.length };
    },
    read: (wanted) => {
      const bytes = held.get(wanted);
      return bytes === undefined ? undefined : inPieces(bytes);
    },
    list: async () => [...held].map(([blobId, { length }]) => ({ blobId, size: length })),
    delete: async (wanted) => held.delete(wanted),
  };
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

function memoryAliases(): Aliases {
  const names = new Map<string, string>();
  const keyOf = (kind: string, name: string, scope = ""): string => `${kind}/${scope}/${name}`;
  return {
    create: async (kind, name, value, scope) => {
      const key = keyOf(kind, name, scope);
      if (names.has(key)) throw new ShoalError("already_exists", "the name is taken", { field: "alias" });
      names.set(key, value);
    },
    lookup: async (kind, name, scope) => names.get(keyOf(kind, name, scope)),
    delete: async (kind, name, scope) => names.delete(keyOf(kind, name, scope)),
    list: async (kind, scope) => {
      const prefix = keyOf(kind, "", scope);
      const mine = [...names].filter(([key]) => key.startsWith(prefix));
      return Object.fromEntries(mine.map(([key, value]) => [key.slice(prefix.length), value]));
    },
  };
}

export function memoryNode(blobs: Blobs): NodeClient {
  return {
    applications: memoryApplications(),
    blobs,
    aliases: memoryAliases(),
    generateIdentity: async () => BOB,
    identity: () => ({ peerId: "12D3Koo", publicKey: ALICE, version: "0.1.0" }),
    collect: async () => ({ tombstones: NONE, orphans: NONE, references: NONE, blobs: NONE }),
    usage: async () => ({
      contexts: 1,
      applications: 1,
      blobs: 0,
      blobBytes: 0,
      stateBytes: 42,
      memoryBytes: 1,
      uptimeSeconds: 1.5,
    }),
    peers: async () => ["12D3KooPeer"],
  };
}

const blocked = new Set<string>();

export const memoryNetwork: NetworkClient = {
  peers: async () => ["12D3KooPeer"],
  peerInfos: async () => [
    { peerId: "12D3KooPeer", addresses: [], direction: "inbound", connectedAtMs: 7, score: -1, relayed: false },
  ],
  status: async () => ({
    peerId: "12D3Koo",
    listening: ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2/ws/p2p/12D3Koo"],
    peers: 1,
    topics: ["shoal/ctx/1"],
    blocked: [...blocked],
    reachability: "private",
    relays: [],
  }),
  block: async (peer) => void blocked.add(peer),
  unblock: async (peer) => void blocked.delete(peer),
  dial: async (address) => {
    if (address.startsWith("/ip4/127.0.0.1/tcp/1/")) return "12D3KooPeer";
    throw new ShoalError("unavailable", "nobody answers there");
  },
};

export function memoryBus(): EventBus {
  const listeners = new Set<(event: NodeEvent) => void>();
  return {
    publish: (event) => {
      for (const listener of listeners) listener(event);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The `generic` column; outlives a server as the node's own does. */
export function memoryStore(): Pick<Store, "get" | "scan" | "apply"> & { readonly rows: Map<string, Uint8Array> } {
  const rows = new Map<string, Uint8Array>();
  const keyOf = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
  return {
    rows,
    get: (_, key) => rows.get(keyOf(key)),
    scan: async function* (_, { gte, lt } = {}) {
      for (const [key, value] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (gte !== undefined && key < keyOf(gte)) continue;
        if (lt !== undefined && key >= keyOf(lt)) continue;
        yield [Buffer.from(key, "latin1"), value] as const;
      }
    },
    apply: async (changes: readonly Row[]) => {
      for (const { key, value } of changes) {
        if (value === undefined) rows.delete(keyOf(key));
        else rows.set(keyOf(key), value);
      }
    },
  };
}
