/** A small tree as a Rust app's storage lays it out: the context, the app's root entry below it, and one sibling. */
import { writeMetadata, type Layout, type Metadata } from "@shoal/node/crdt/metadata.ts";
import { BorshWriter } from "@shoal/node/model/borsh.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { guestEntryKey, guestIndexKey } from "@shoal/node/storage/merkle/row-keys.ts";
import type { Row } from "@shoal/node/storage/store.ts";
import { wat } from "../../../support/wat.ts";

const ROOT_ENTRY = new Uint8Array(32).fill(118);
const SIBLING = new Uint8Array(32).fill(119);
const METADATA: Metadata = { createdAt: 1n, updatedAt: 2n, storage: { kind: "public" } };

interface Child {
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
}

function indexRow(
  id: Uint8Array,
  parent: Uint8Array | undefined,
  children: readonly Child[],
  own: Uint8Array,
  layout: Layout,
) {
  const full = sha256(own, ...children.map(({ hash }) => hash));
  const writer = new BorshWriter()
    .fixed(id)
    .option(parent, (inner, value) => inner.fixed(value))
    .option(children.length === 0 ? undefined : children, (inner, all) =>
      inner.vec(all, (each, child) => {
        each.fixed(child.id).fixed(child.hash);
        writeMetadata(each, METADATA, layout);
      }),
    )
    .fixed(full)
    .fixed(own);
  writeMetadata(writer, METADATA, layout);
  writer.option(undefined, () => undefined);
  if (layout === "G3") writer.u32(0);
  return { full, row: writer.done() };
}

export const guestTree = {
  /** Rows of an entity that was deleted at `deletedAt` and is in the tree no more. */
  tombstone(context: Uint8Array, id: Uint8Array, deletedAt: bigint): readonly Row[] {
    const writer = new BorshWriter()
      .fixed(id)
      .option(context, (inner, value) => inner.fixed(value))
      .u8(0);
    writer.fixed(new Uint8Array(64));
    writeMetadata(writer, METADATA, "G2");
    writer.option(deletedAt, (inner, at) => inner.u64(at));
    const row = (key: Uint8Array, value: Uint8Array): Row => ({ column: "state", key: keyOf(context, key), value });
    return [row(guestIndexKey(id), writer.done())];
  },
  /** Rows of the tree, under the context's prefix. */
  rows(context: Uint8Array, layout: Layout): readonly Row[] {
    const values = { root: keyOf(Buffer.from("first state"), ROOT_ENTRY), sibling: Buffer.from("sibling") };
    const root = indexRow(ROOT_ENTRY, context, [], sha256(values.root), layout);
    const sibling = indexRow(SIBLING, context, [], sha256(values.sibling), layout);
    const children = [
      { id: ROOT_ENTRY, hash: root.full },
      { id: SIBLING, hash: sibling.full },
    ];
    const top = indexRow(context, undefined, children, sha256(new Uint8Array()), layout);
    const row = (key: Uint8Array, value: Uint8Array): Row => ({ column: "state", key: keyOf(context, key), value });
    return [
      row(guestIndexKey(context), top.row),
      row(guestIndexKey(ROOT_ENTRY), root.row),
      row(guestEntryKey(ROOT_ENTRY), values.root),
      row(guestIndexKey(SIBLING), sibling.row),
      row(guestEntryKey(SIBLING), values.sibling),
    ];
  },
  rootState: (get: (key: Uint8Array) => Uint8Array | undefined): Uint8Array => get(guestEntryKey(ROOT_ENTRY))!,
  /** Its migration returns the new state's bytes and commits nothing. */
  migratingApp: (): Promise<Uint8Array> =>
    wat(`(module
      (import "env" "value_return" (func $value_return (param i64)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\00\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00")
      (data (i32.const 256) "migrated")
      (func (export "init"))
      (func (export "migrate_state") (call $value_return (i64.const 0))))`),
};
