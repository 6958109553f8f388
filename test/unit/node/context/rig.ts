/**
 * Contexts over a real store, real blobs and real worker threads, in a directory of their own. Who may do what is decided by
 * the test; applications are installed by preparing their modules.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobStore } from "@shoal/node/blobs/blobs.ts";
import { contextClient, type ContextClient } from "@shoal/node/clients/context-client.ts";
import { createAliases } from "@shoal/node/context/aliases.ts";
import { startContexts } from "@shoal/node/context/start.ts";
import type { ExecuteRight, Membership } from "@shoal/node/context/membership.ts";
import { createEventBus } from "@shoal/node/events.ts";
import type { Application } from "@shoal/node/model/application.ts";
import type { NodeEvent } from "@shoal/node/model/event.ts";
import type { ContextReplicas } from "@shoal/node/context/replica.ts";
import { idOf, type ApplicationId, type GroupId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import type { Executor, MergeOutcome, MergeRequest } from "@shoal/node/runtime/contract.ts";
import { createExecutor } from "@shoal/node/runtime/executor/executor.ts";
import { DEFAULT_LIMITS, type VmLimits } from "@shoal/node/runtime/limits.ts";
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

export interface Rig {
  readonly contexts: ContextClient;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly events: readonly NodeEvent[];
  readonly account: string;
  /** What `mayExecute` answers from now on. */
  right: ExecuteRight;
  /** What is asked of governance about others' deltas. */
  rightAt: (who: PublicKey, position: readonly Hash[]) => ExecuteRight | "unknown";
  /** Whether others may move contexts. */
  mayMove: boolean;
  readonly replicas: ContextReplicas;
  install(
    module: Uint8Array,
    options?: { readonly signerId?: string; readonly version?: string; readonly as?: ApplicationId },
  ): Promise<ApplicationId>;
  /** Closes everything; the directory stays for another rig. */
  close(): Promise<void>;
  readonly directory: string;
}

const GROUP = "ab".repeat(32) as GroupId;

export interface RigOptions {
  readonly limits?: Partial<VmLimits>;
  /** Whose node it is; one name has one key. */
  readonly account?: string;
  readonly clock?: Clock;
  readonly rightAt?: Rig["rightAt"];
  /** What stands in for the executor's own `merge`. */
  readonly merge?: (request: MergeRequest, executor: Executor) => Promise<MergeOutcome>;
}

export async function openRig(
  directory: string,
  { limits = {}, account: name = "account", clock = systemClock, rightAt = () => "write", merge }: RigOptions = {},
): Promise<Rig> {
  const account = keyPairOf(sha256(Buffer.from(name)), "secret");
  const [storePath, blobsPath] = [join(directory, "store"), join(directory, "blobs")];
  const store = await openStore({ path: storePath, log: silentLog });
  const blobs = await BlobStore.open({ directory: blobsPath, store, clock: systemClock });
  const executor = await createExecutor({ storePath, blobsPath, workers: 2, log: silentLog });
  /** Newest last. */
  const installed: Application[] = [];
  const bus = createEventBus(silentLog);
  const events: NodeEvent[] = [];
  bus.subscribe((event) => void events.push(event));
  const rig: Pick<Rig, "right" | "rightAt" | "mayMove"> = { right: "write", rightAt, mayMove: true };
  const membership: Membership = {
    placeFor: () => ({ groupId: GROUP, groupCreated: false }),
    admit: (_, commit) => commit([]),
    release: (_, commit) => commit([]),
    mayExecute: () => rig.right,
    mayUpdate: () => true,
    beforeUse: async () => undefined,
    position: () => [],
    mayCallAcross: () => true,
  };
  const { manager, replicas } = await startContexts({
    store,
    executor: {
      run: (request) => executor.run(request),
      merge: (request) => (merge === undefined ? executor.merge(request) : merge(request, executor)),
      close: () => executor.close(),
    },
    applications: {
      get: async (id, version) =>
        installed.findLast((one) => one.id === id && (version === undefined || one.version === version)),
    },
    aliases: createAliases(store),
    membership,
    governance: { rightAt: (_, who, position) => rig.rightAt(who, position), mayMoveAt: () => rig.mayMove },
    events: bus,
    account,
    limits: { ...DEFAULT_LIMITS, ...limits },
    clock,
    random: seeded(sha256(Buffer.from(name)).reduce((sum, byte) => sum * 31 + byte, 7)),
    log: silentLog,
  });

  const own: Omit<Rig, "right" | "rightAt" | "mayMove"> = {
    contexts: contextClient(manager),
    store,
    blobs,
    events,
    replicas,
    account: account.publicKey,
    directory,
    async install(module, { signerId, version = "1.0.0", as } = {}) {
      const prepared = prepareModule(module, { maxModuleBytes: 20 << 20, maxMemoryPages: 1024 });
      const [bytecode, blob] = [await blobs.add(once(module)), await blobs.add(once(prepared.bytes))];
      const id = as ?? idOf<ApplicationId>(sha256(module));
      const { methods, readOnly, generation, profile } = prepared;
      installed.push({
        id,
        blob: bytecode.blobId,
        size: module.length,
        source: "upload",
        metadata: new Uint8Array(),
        package: "test.counter",
        version,
        ...(signerId === undefined ? {} : { signerId }),
        modules: [
          {
            service: "default",
            bytecode: bytecode.blobId,
            prepared: blob.blobId,
            hash: "",
            methods,
            readOnly,
            generation,
            profile,
          },
        ],
        installedAtMs: 0,
      });
      return id;
    },
    async close() {
      await manager.stop();
      await executor.close();
      await store.close();
    },
  };
  return Object.assign(rig, own);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A rig in a fresh directory that is gone after the test. */
export async function withRig(work: (rig: Rig) => Promise<void>, limits: Partial<VmLimits> = {}): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-contexts-"));
  const rig = await openRig(directory, { limits });
  try {
    await work(rig);
  } finally {
    await rig.close();
    await rm(directory, { recursive: true, force: true });
  }
}
