/** What comparing two states works on and tells: entities as either side has them, in batches, with a place to go on from. */
import type { Metadata, Layout } from "../../crdt/metadata.ts";
import type { ContextId } from "../../model/ids.ts";
import type { Entity } from "../../storage/merkle/entity-row.ts";
import type { Ask, GetRow, StateLayout } from "./contract.ts";

/** One moment of one replica's state. */
export interface TreeState {
  readonly layout: StateLayout;
  readonly contextId: ContextId;
  readonly get: GetRow;
}

/** An entity that a Rust app wrote, as its rows have it. */
export interface GuestEntity {
  readonly layout: Layout;
  readonly id: Uint8Array;
  readonly parent: Uint8Array | undefined;
  readonly metadata: Metadata;
  /** Nanoseconds since the epoch; may stand beside a value where the entity was written again. */
  readonly deletedAt: bigint | undefined;
  readonly value: Uint8Array | undefined;
}

/** An entity that one side has and the other lacks or has otherwise; tombstones are entities like any other. */
export type TreeWrite =
  | { readonly kind: "host"; readonly entity: Entity; readonly other: Entity | undefined }
  | { readonly kind: "guest"; readonly entity: GuestEntity; readonly parent: Metadata | undefined };

/** Ids in hex from below the context down to the entity that was told last. */
export type TreeCursor = readonly string[];

/** Parents before their children, in `need` and in `have`. */
interface TreeBatch {
  /** What the peer has and we have not. */
  readonly need: readonly TreeWrite[];
  /** What we have and the peer has not. */
  readonly have: readonly TreeWrite[];
  /** Everything up to here has been told. */
  readonly cursor: TreeCursor;
}

export interface TreeBounds {
  /** Requests of one comparison. */
  readonly requests: number;
  /** Bytes of all answers. */
  readonly bytes: number;
  /** A batch is told when it has as many entities, */
  readonly batchEntities: number;
  /** or as many bytes. */
  readonly batchBytes: number;
}

/**
 * `hashes`: down where hashes differ, node by node; cheap where little differs. `levels`: lists of a whole level's entities as
 * soon as they fit, fewer round trips where much differs.
 */
export type Strategy = "hashes" | "levels";

export interface Comparison extends TreeState {
  readonly ask: Ask;
  /** Awaited; the peer's state may move by what is handed to it meanwhile. */
  readonly onBatch: (batch: TreeBatch) => Promise<void>;
  readonly bounds?: Partial<TreeBounds>;
  /** Without it, chosen for each collection by the numbers of its entities. */
  readonly strategy?: Strategy;
  /** Where an earlier comparison ended. */
  readonly from?: TreeCursor;
  readonly signal?: AbortSignal;
}

export interface TreeDifference {
  /** Entities of which one side had another write, or none. */
  readonly entities: number;
  readonly requests: number;
  /** Of requests and answers. */
  readonly bytes: number;
}
