/**
 * Everything that one run reads and writes. Made when the run starts, dropped when it ends; the outcome is read off it. The
 * host functions change it and nothing else.
 */
import { createCollections } from "../../crdt/collections.ts";
import type { Collections } from "../../crdt/contract.ts";
import { type OrderedIndex, openOrderedIndex } from "../../storage/ordered-index/index.ts";
import type { Reader } from "../../storage/store.ts";
import { verify } from "../../model/keys.ts";
import type { RunEvent, RunRequest, RunXCall } from "../contract.ts";
import type { VmLimits } from "../limits.ts";
import { GuestMemory } from "./guest-memory.ts";
import { HostBudget } from "./host-budget.ts";
import { BlobHandles, type BlobPorts } from "./blob-handles.ts";
import { Chance } from "./chance.ts";
import { Overlay } from "./overlay.ts";
import { Registers } from "./registers.ts";
import { WriteBudget } from "./write-budget.ts";

/** What a run reads beyond its request. */
export interface RunPorts {
  /** The latest state, or that of a moment. */
  readonly reader: Reader;
  readonly blobs: BlobPorts;
}

export interface Commit {
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
  /** borsh StorageDelta; empty: no change. */
  readonly artifact: Uint8Array;
}

export class RunState {
  readonly request: RunRequest;
  readonly limits: VmLimits;
  readonly budget: HostBudget;
  readonly memory: GuestMemory;
  readonly registers: Registers;
  /** Shared state: what syncs. */
  readonly state: Overlay;
  readonly privateState: Overlay;
  /** Node-local rows, derived from the state. */
  readonly indexRows: Overlay;
  readonly chance: Chance;
  /** What was handed to collections or to the index, and reaches rows only later. */
  readonly unflushed: WriteBudget;
  readonly blobs: BlobHandles;
  #index: OrderedIndex | undefined;
  #collections: Collections | undefined;

  readonly logs: string[] = [];
  readonly events: RunEvent[] = [];
  readonly xcalls: RunXCall[] = [];
  returned: { readonly error: boolean; readonly bytes: Uint8Array } | undefined;
  committed: Commit | undefined;
  migrationWitness: Uint8Array | undefined;

  /** The first error of a host function. Whatever a guest makes of it, the run has failed with it. */
  failed: { readonly error: unknown } | undefined;
  /** Time inside of host functions, and the part of it that went into trees of hashes. */
  hostMs = 0;
  merkleMs = 0;

  constructor(request: RunRequest, { reader, blobs }: RunPorts) {
    const { limits, context } = request;
    this.request = request;
    this.limits = limits;
    this.budget = new HostBudget(limits);
    this.memory = new GuestMemory(this.budget);
    this.registers = new Registers(limits, this.budget);
    const writes = new WriteBudget(limits);
    this.state = new Overlay("state", reader, context, writes);
    this.privateState = new Overlay("private", reader, context, writes);
    this.indexRows = new Overlay("index", reader, context, undefined);
    this.blobs = new BlobHandles(blobs, reader, limits, context);
    this.unflushed = new WriteBudget(limits);
    this.chance = new Chance(request);
  }

  /** The ordered index of the context, opened when it is first asked for. */
  get index(): OrderedIndex {
    return (this.#index ??= openOrderedIndex(this.indexRows.rowsView()));
  }

  /** The host-side collections of a QuickJS app. */
  get collections(): Collections {
    return (this.#collections ??= createCollections({
      rows: this.state.rowsView(),
      context: this.request.context,
      executor: this.request.executor,
      now: () => this.chance.now(),
      random: (bytes) => this.chance.bytes(bytes),
      verify: (publicKey, signature, message) => verify(signature, message, publicKey),
    }));
  }

  /** What waits in memory becomes rows; for a run whose rows will be applied. */
  flush(): void {
    this.#index?.flush();
  }
}
