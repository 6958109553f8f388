/** Requests and answers of tree comparison as bytes. What arrives is read strictly, and bounded before it is allocated. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import type { StateLayout } from "./contract.ts";

/**
 * `node`, `shared`, `children`: a node of the trie of a collection, of all that was written to a shared cell, of a guest's list of
 * children; `...Leaves`: all ids and hashes below such a node. Then rows: a collection, an entry, a guest's index and entity.
 */
const KINDS = [
  "node",
  "shared",
  "children",
  "nodeLeaves",
  "sharedLeaves",
  "childrenLeaves",
  "collection",
  "entry",
  "index",
  "entity",
] as const;
export type AskKind = (typeof KINDS)[number];
export type TrieKind = "node" | "shared" | "children";

export interface TreeAsk {
  readonly kind: AskKind;
  /** 32 bytes: the entity, or whose trie it is. */
  readonly id: Uint8Array;
  /** Nibbles in hex; empty for rows. */
  readonly path: string;
}

interface TreeRequest {
  /** How many indexes below those that are asked for may come along. */
  readonly ahead: number;
  readonly asks: readonly TreeAsk[];
}

export interface TreeAnswer {
  readonly layout: StateLayout;
  /** 32 bytes that are the same as long as the tree is. */
  readonly mark: Uint8Array;
  /** To the first of what was asked, as many as fit; undefined where there is no such thing. */
  readonly items: readonly (Uint8Array | undefined)[];
  readonly ahead: readonly { readonly id: Uint8Array; readonly item: Uint8Array }[];
}

export const MAX_ASKS = 4096;
export const MAX_AHEAD = 1024;
/** Leaves below one node that are told in one item. */
export const MAX_LEAVES = 4096;
/** Nibbles of an id. */
export const MAX_DEPTH = 64;
/** Bytes of items after which an answer ends. */
export const ANSWER_BYTES = 2 * 1024 * 1024;
/** Items that are answered whatever their size, so that what belongs together comes together. */
export const MIN_ITEMS = 3;
/** The bytes that end an answer, and the largest rows after that. */
const MAX_ANSWER = ANSWER_BYTES + 12 * 1024 * 1024;

const VERSION = 1;
const LAYOUTS: readonly StateLayout[] = ["host", "guest", "empty"];
const hasPath = (kind: AskKind): boolean => KINDS.indexOf(kind) < KINDS.indexOf("collection");

export function encodeRequest({ ahead, asks }: TreeRequest): Uint8Array {
  const writer = new BorshWriter().u8(VERSION).u32(ahead);
  writer.vec(asks, (inner, { kind, id, path }) => {
    inner.u8(KINDS.indexOf(kind)).fixed(id);
    if (hasPath(kind)) inner.u8(path.length).fixed(Buffer.from(path.length % 2 === 0 ? path : `${path}0`, "hex"));
  });
  return writer.done();
}

/** Throws `invalid_argument` for anything that is not exactly one request. */
export function decodeRequest(bytes: Uint8Array): TreeRequest {
  const reader = new BorshReader(bytes);
  version(reader);
  const ahead = bounded(reader, MAX_AHEAD, "indexes ahead");
  const count = bounded(reader, MAX_ASKS, "things asked for");
  const asks = Array.from({ length: count }, (): TreeAsk => {
    const kind = KINDS[reader.tag(KINDS.length)]!;
    const id = reader.fixed(32);
    return { kind, id, path: hasPath(kind) ? readPath(reader) : "" };
  });
  reader.end();
  return { ahead, asks };
}

function readPath(reader: BorshReader): string {
  const depth = reader.u8();
  if (depth >= MAX_DEPTH) throw wrong(`a path of less than ${MAX_DEPTH} nibbles`);
  const digits = Buffer.from(reader.fixed((depth + 1) >>> 1)).toString("hex");
  if (depth % 2 === 1 && !digits.endsWith("0")) throw wrong("a path that ends with its last nibble");
  return digits.slice(0, depth);
}

export function encodeAnswer({ layout, mark, items, ahead }: TreeAnswer): Uint8Array {
  return new BorshWriter()
    .u8(VERSION)
    .u8(LAYOUTS.indexOf(layout))
    .fixed(mark)
    .vec(items, (writer, item) => void writer.option(item, (inner, bytes) => inner.bytes(bytes)))
    .vec(ahead, (writer, { id, item }) => void writer.fixed(id).bytes(item))
    .done();
}

/** Throws `invalid_argument` for anything that answers no request of `asked` things. */
export function decodeAnswer(bytes: Uint8Array, asked: number, ahead: number): TreeAnswer {
  if (bytes.length > MAX_ANSWER) throw wrong(`an answer of at most ${MAX_ANSWER} bytes`);
  const reader = new BorshReader(bytes);
  version(reader);
  const layout = LAYOUTS[reader.tag(LAYOUTS.length)]!;
  const mark = reader.fixed(32);
  const count = bounded(reader, asked, "items");
  if (count < Math.min(asked, MIN_ITEMS)) throw wrong("an answer to what was asked");
  const items = Array.from({ length: count }, () => reader.option((inner) => inner.bytes()));
  const more = bounded(reader, ahead, "indexes ahead");
  const along = Array.from({ length: more }, () => ({ id: reader.fixed(32), item: reader.bytes() }));
  reader.end();
  return { layout, mark, items, ahead: along };
}

function version(reader: BorshReader): void {
  if (reader.u8() !== VERSION) throw wrong(`version ${VERSION}`);
}

function bounded(reader: BorshReader, limit: number, what: string): number {
  const count = reader.u32();
  if (count > limit) throw wrong(`at most ${limit} ${what}, not ${count}`);
  return count;
}

/** What an honest peer never sends. */
export const wrong = (expected: string): ShoalError =>
  new ShoalError("invalid_argument", `${expected} expected`, { field: "tree" });
