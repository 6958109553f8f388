/** A trie's hash from the set of its entries alone: what verification compares with, sharing nothing with the trie's own code. */
import { BorshWriter } from "../../model/borsh.ts";
import { sha256 } from "../../model/sha256.ts";

export interface Leaf {
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
}

/** The row that the node over `leaves` (ascending ids that share their first `depth` nibbles) must have. */
export function expectedNode(leaves: readonly Leaf[], depth: number): Uint8Array {
  const writer = new BorshWriter();
  if (leaves.length <= 16) {
    writer.u8(0).u8(leaves.length);
    for (const { id, hash } of leaves) writer.fixed(id).fixed(hash);
    return writer.done();
  }
  const children = Array.from({ length: 16 }, (): Leaf[] => []);
  for (const leaf of leaves) {
    const byte = leaf.id[Math.floor(depth / 2)]!;
    children[depth % 2 === 0 ? Math.floor(byte / 16) : byte % 16]!.push(leaf);
  }
  const which = children.reduce((bits, child, nibble) => (child.length > 0 ? bits + 2 ** nibble : bits), 0);
  writer
    .u8(1)
    .u8(which % 256)
    .u8(Math.floor(which / 256));
  for (const child of children) {
    if (child.length > 0) writer.u32(child.length).fixed(sha256(expectedNode(child, depth + 1)));
  }
  return writer.done();
}

/** Undefined for no leaves. */
export function expectedRoot(leaves: readonly Leaf[]): Uint8Array | undefined {
  if (leaves.length === 0) return undefined;
  return sha256(
    expectedNode(
      leaves.toSorted((a, b) => Buffer.compare(a.id, b.id)),
      0,
    ),
  );
}
