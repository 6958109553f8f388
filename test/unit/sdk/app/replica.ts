/**
 * Replicas of contexts that run an app, on nodes that have a store and an executor each. Calls are committed as a node commits
 * them, and what another replica must learn comes back as an artifact.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobWriter } from "@shoal/node/blobs/worker-blobs.ts";
import { signUserActions } from "@shoal/node/crdt/sign-actions.ts";
import { bytesOf, type BlobId, idOf, type PublicKey } from "@shoal/node/model/ids.ts";
import { type KeyPair, keyPairOf, sign } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import type { Executor, Outcome, RunFailure, RunTimings } from "@shoal/node/runtime/contract.ts";
import { createExecutor } from "@shoal/node/runtime/executor/executor.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { type Random, seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

/** What a call came to, its JSON read. */
export interface Answer {
  readonly value: unknown;
  readonly logs: readonly string[];
  readonly events: readonly { readonly kind: string; readonly data: unknown; readonly handler?: string }[];
  readonly xcalls: readonly { readonly method: string; readonly params: unknown }[];
  /** Empty where the call changed nothing. */
  readonly artifact: Uint8Array;
  readonly mutates: boolean;
  readonly gasUsed: bigint;
  readonly timings: RunTimings | undefined;
}

/** A call that failed; `error` is the app's own error, where it gave one. */
export class CallFailed extends Error {
  readonly failure: RunFailure;
  readonly error: unknown;

  constructor(failure: RunFailure) {
    super(`${failure.kind}: ${failure.message}`);
    this.failure = failure;
    this.error = failure.data === undefined ? undefined : parse(failure.data);
  }
}

const NS_PER_MS = 1_000_000n;

/** One clock for all replicas of a test, a millisecond later at every call. */
let nowNs = 1_700_000_000_000_000_000n;

/** Every context of a test file is another one. */
let contexts = 0;

/** A node's store and executor; opened once for a file, since each costs a thread. */
export class TestNode {
  readonly identity: KeyPair;
  readonly store: Store;
  readonly executor: Executor;
  readonly chance: Random;
  readonly #directory: string;

  constructor(directory: string, store: Store, executor: Executor, seed: number) {
    this.identity = keyPairOf(new Uint8Array(32).fill(seed), "identity");
    this.store = store;
    this.executor = executor;
    this.chance = seeded(seed);
    this.#directory = directory;
  }

  /** The id under which a module is run. */
  async keep(wasm: Uint8Array): Promise<string> {
    const { bytes } = prepareModule(wasm, DEFAULT_LIMITS);
    const writer = new BlobWriter(join(this.#directory, "blobs"), systemClock);
    writer.write(bytes);
    const { blob, rows } = writer.close("test");
    await this.store.apply(rows);
    return idOf<BlobId>(blob);
  }

  async close(): Promise<void> {
    await this.executor.close();
    await this.store.close();
    await rm(this.#directory, { recursive: true });
  }
}

/** A node of its own identity for each seed. */
export async function openNode(seed: number): Promise<TestNode> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-replica-"));
  const [storePath, blobsPath] = [join(directory, "store"), join(directory, "blobs")];
  await mkdir(blobsPath);
  const store = await openStore({ path: storePath, log: silentLog });
  const executor = await createExecutor({ storePath, blobsPath, workers: 1, log: silentLog });
  return new TestNode(directory, store, executor, seed);
}

/** Replicas of one new context, one on each node, without a state yet: `init` makes one, and artifacts bring it to others. */
export async function replicasOn(nodes: readonly TestNode[], wasm: Uint8Array): Promise<readonly Replica[]> {
  contexts += 1;
  const context = keyPairOf(sha256(new TextEncoder().encode(String(contexts))), "context").publicKey;
  return Promise.all(nodes.map(async (node) => new Replica(node, context, await node.keep(wasm))));
}

export class Replica {
  /** Base58. */
  readonly user: string;
  readonly contextId: string;
  readonly #node: TestNode;
  readonly #context: Uint8Array;
  #module: string;
  #root = "";

  constructor(node: TestNode, context: PublicKey, module: string) {
    this.user = node.identity.publicKey;
    this.contextId = context;
    this.#node = node;
    this.#context = bytesOf(context);
    this.#module = module;
  }

  /** Hex of the last root that a call or a delta left. */
  get root(): string {
    return this.#root;
  }

  /** From now on calls run this module. */
  async install(wasm: Uint8Array): Promise<void> {
    this.#module = await this.#node.keep(wasm);
  }

  /** Throws a `CallFailed`. `args`: an object of named arguments, or the input's text as it is. */
  async call(method: string, args: object | string = {}): Promise<Answer> {
    const input = new TextEncoder().encode(typeof args === "string" ? args : JSON.stringify(args));
    const outcome = await this.#run(method, input);
    const { publicKey, secret } = this.#node.identity;
    const artifact = signUserActions(outcome.artifact, bytesOf(publicKey), (payload) => sign(secret, payload));
    return {
      value: "ok" in outcome.returns && outcome.returns.ok !== undefined ? parse(outcome.returns.ok) : undefined,
      logs: outcome.logs,
      events: outcome.events.map(({ data, ...event }) => ({ ...event, data: parse(data) })),
      xcalls: outcome.xcalls.map(({ method, params }) => ({ method, params: parse(params) })),
      artifact,
      mutates: outcome.mutates,
      gasUsed: outcome.gasUsed,
      timings: outcome.timings,
    };
  }

  /** What the method returns. */
  async value(method: string, args: object | string = {}): Promise<unknown> {
    return (await this.call(method, args)).value;
  }

  /** The error that the app answers with; throws where it answers without one. */
  async errorOf(method: string, args: object | string = {}): Promise<unknown> {
    const failed = await this.failureOf(method, args);
    if (failed.failure.kind !== "ExecutionError") throw failed;
    return failed.error;
  }

  async failureOf(method: string, args: object | string = {}): Promise<CallFailed> {
    try {
      await this.call(method, args);
    } catch (thrown) {
      if (thrown instanceof CallFailed) return thrown;
      throw thrown;
    }
    throw new Error(`${method} did not fail`);
  }

  /** Merges what another replica's call changed. */
  async receive(artifact: Uint8Array): Promise<void> {
    await this.#run("__calimero_sync_next", artifact);
  }

  async #run(method: string, input: Uint8Array): Promise<Outcome> {
    nowNs += NS_PER_MS;
    const identity = bytesOf(this.#node.identity.publicKey);
    const outcome = await this.#node.executor.run({
      context: this.#context,
      module: this.#module,
      method,
      input,
      executor: identity,
      device: identity,
      mode: "write",
      nowNs,
      seed: this.#node.chance.bytes(32),
      limits: DEFAULT_LIMITS,
    });
    if ("failure" in outcome.returns) throw new CallFailed(outcome.returns.failure);
    await this.#node.store.apply(outcome.rows);
    if (outcome.rootHash !== undefined) this.#root = Buffer.from(outcome.rootHash).toString("hex");
    return outcome;
  }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
}
