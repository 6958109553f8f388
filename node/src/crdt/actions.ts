/** A storage delta: the actions on entities that one run did, as guests commit and apply them. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import { readMetadata, writeMetadata, type Layout, type Metadata } from "./metadata.ts";

/** An ancestor as the action's author saw it. */
export interface ChildInfo {
  readonly id: Uint8Array;
  readonly merkleHash: Uint8Array;
  readonly metadata: Metadata;
}

export type Action =
  | {
      readonly kind: "add" | "update";
      readonly id: Uint8Array;
      readonly data: Uint8Array;
      readonly ancestors: readonly ChildInfo[];
      readonly metadata: Metadata;
    }
  | { readonly kind: "delete"; readonly id: Uint8Array; readonly deletedAt: bigint; readonly metadata: Metadata };

export interface StorageDelta {
  readonly layout: Layout;
  readonly actions: readonly Action[];
  /** What follows the actions of a `CausalActions` delta, untouched. */
  readonly causal?: Uint8Array;
}

/** How the host's own collections write, and the only thing they read: nothing is guessed among nodes. */
export const HOST_LAYOUT: Layout = "G3";

const TAGS = { add: 0, delete: 2, update: 3 } as const;
const ACTIONS = 0;
const CAUSAL_ACTIONS = 2;

/** A layout with more in it first: what has it fits no other, what lacks it does not fit. */
export const GUEST_LAYOUTS: readonly Layout[] = ["G3", "G2+", "G2"];

/** Reads an artifact in the first of `layouts` that fits it exactly; throws `invalid_argument` where none does. */
export function readStorageDelta(artifact: Uint8Array, layouts: readonly Layout[] = GUEST_LAYOUTS): StorageDelta {
  let first: unknown;
  for (const layout of layouts) {
    try {
      return readAs(artifact, layout);
    } catch (thrown) {
      first ??= thrown;
    }
  }
  throw new ShoalError("invalid_argument", "the artifact is no storage delta", { field: "artifact", cause: first });
}

export function writeStorageDelta(delta: StorageDelta): Uint8Array {
  const writer = new BorshWriter().u8(delta.causal === undefined ? ACTIONS : CAUSAL_ACTIONS);
  writer.vec(delta.actions, (inner, action) => writeAction(inner, action, delta.layout));
  if (delta.causal !== undefined) writer.fixed(delta.causal);
  return writer.done();
}

function readAs(artifact: Uint8Array, layout: Layout): StorageDelta {
  const reader = new BorshReader(artifact);
  const tag = reader.u8();
  if (tag !== ACTIONS && !(tag === CAUSAL_ACTIONS && layout !== "G2")) {
    throw new ShoalError("invalid_argument", `a storage delta of actions expected, not tag ${tag}`);
  }
  const actions = reader.vec((inner) => readAction(inner, layout));
  if (tag === CAUSAL_ACTIONS) return { layout, actions, causal: reader.fixed(reader.remaining) };
  reader.end();
  return { layout, actions };
}

function readAction(reader: BorshReader, layout: Layout): Action {
  const tag = reader.tag(4);
  const id = reader.fixed(32);
  if (tag === TAGS.delete) {
    return { kind: "delete", id, deletedAt: reader.u64(), metadata: readMetadata(reader, layout) };
  }
  if (tag !== TAGS.add && tag !== TAGS.update) throw new ShoalError("invalid_argument", "a comparison is no change");
  return {
    kind: tag === TAGS.add ? "add" : "update",
    id,
    data: reader.bytes(),
    ancestors: reader.vec((inner) => ({
      id: inner.fixed(32),
      merkleHash: inner.fixed(32),
      metadata: readMetadata(inner, layout),
    })),
    metadata: readMetadata(reader, layout),
  };
}

function writeAction(writer: BorshWriter, action: Action, layout: Layout): void {
  writer.u8(TAGS[action.kind]).fixed(action.id);
  if (action.kind === "delete") {
    writer.u64(action.deletedAt);
  } else {
    writer.bytes(action.data).vec(action.ancestors, (inner, ancestor) => {
      inner.fixed(ancestor.id).fixed(ancestor.merkleHash);
      writeMetadata(inner, ancestor.metadata, layout);
    });
  }
  writeMetadata(writer, action.metadata, layout);
}
