/** What a node's disk says of its contexts, kept up with batch by batch: the simulator's own reading, by nobody's memory. */
import { latestStamp } from "@shoal/node/crdt/latest-stamp.ts";
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { idOf, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { nanosecondsOf } from "@shoal/node/dag/hlc.ts";
import { PREFIX } from "@shoal/node/governance/keys.ts";
import type { MemoryStore } from "@shoal/node/storage/memory-store.ts";
import type { Row } from "@shoal/node/storage/store.ts";

export interface ContextFacts {
  readonly id: ContextId;
  /** Deltas whose effects are in the state. */
  readonly known: Set<string>;
  /** Over `known`: equal for equal sets. */
  sum: bigint;
  root: string;
  heads: readonly string[];
  isInitialized: boolean;
  /** Looked at since its last change. */
  isChecked: boolean;
}

/** What is read of a delta. */
export interface Body {
  readonly parents: readonly string[];
  /** Some write of it is later than the delta itself, which no honest node makes. */
  readonly isDatedAfter: boolean;
}

const ID = 32;
const bigOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

export class Facts {
  readonly contexts = new Map<ContextId, ContextFacts>();
  /** Rows of governance have changed since this was last set to false. */
  groupsChanged = true;
  /** How often a delta, and an op, was put aside. */
  readonly waited = { deltas: 0, ops: 0 };
  readonly #bodies: Map<string, Body>;

  /** `bodies`: of every delta that any node was seen to have, which are the same everywhere. */
  constructor(bodies: Map<string, Body>) {
    this.#bodies = bodies;
  }

  /** As a process finds it that starts now. */
  static async of(store: MemoryStore, bodies: Map<string, Body>): Promise<Facts> {
    const facts = new Facts(bodies);
    for (const column of ["meta", "known", "delta"] as const) {
      for await (const [key, value] of store.scan(column)) facts.#take({ column, key, value });
    }
    return facts;
  }

  take(rows: readonly Row[]): void {
    for (const row of rows) this.#take(row);
  }

  #take({ column, key, value }: Row): void {
    if (column === "group") this.groupsChanged = true;
    if (column === "group" && key[0] === PREFIX.waiting && value !== undefined) this.waited.ops += 1;
    if (column === "pending" && value !== undefined) this.waited.deltas += 1;
    if (column !== "meta" && column !== "known" && column !== "delta" && column !== "state") return;
    const contextId = idOf<ContextId>(key.subarray(0, ID));
    if (column === "meta") {
      this.#meta(contextId, value);
      return;
    }
    const facts = this.#of(contextId);
    facts.isChecked = false;
    if (column === "state") return;
    const id = idOf<Hash>(key.subarray(ID));
    if (column === "delta") {
      if (value === undefined || this.#bodies.has(id)) return;
      const { parents, artifact, hlc } = decodeDelta(value);
      const isDatedAfter = latestStamp(artifact) > nanosecondsOf(hlc);
      this.#bodies.set(id, { parents: parents.map((parent) => idOf<Hash>(parent)), isDatedAfter });
      return;
    }
    const isThere = value !== undefined;
    if (facts.known.has(id) === isThere) return;
    if (isThere) facts.known.add(id);
    else facts.known.delete(id);
    facts.sum ^= bigOf(key.subarray(ID));
  }

  #meta(contextId: ContextId, value: Uint8Array | undefined): void {
    if (value === undefined) {
      this.contexts.delete(contextId);
      return;
    }
    const facts = this.#of(contextId);
    const stored = JSON.parse(Buffer.from(value).toString()) as {
      readonly rootHash: string;
      readonly dagHeads: readonly string[];
      readonly isInitialized: boolean;
    };
    facts.root = stored.rootHash;
    facts.heads = stored.dagHeads.toSorted();
    facts.isInitialized = stored.isInitialized;
    facts.isChecked = false;
  }

  #of(id: ContextId): ContextFacts {
    let facts = this.contexts.get(id);
    if (facts === undefined) {
      facts = { id, known: new Set(), sum: 0n, root: "", heads: [], isInitialized: false, isChecked: false };
      this.contexts.set(id, facts);
    }
    return facts;
  }
}
