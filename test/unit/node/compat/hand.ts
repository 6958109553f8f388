/**
 * Rows and actions of the Rust library for guests, put together by hand, byte by byte: what stands here was read off its
 * published builds, and nothing of the node's own writers is used for it.
 */
import { createHash } from "node:crypto";

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};
export const byte = (value: number): Buffer => Buffer.of(value);
export const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
export const NONE = byte(0);
export const some = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat([byte(1), ...parts]);
export const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
export const hash = (...parts: readonly Uint8Array[]): Buffer =>
  createHash("sha256")
    .update(join(...parts))
    .digest();
/** An id, a key or a hash that is one byte 32 times. */
export const of = (value: number): Buffer => Buffer.alloc(32, value);
export const UNSIGNED = Buffer.alloc(64);

/** How the builds differ: see `crdt/metadata.ts` for which is which. */
export type Build = "G2" | "G2+" | "G3";

export const PUBLIC = byte(0);
export const FROZEN = byte(2);

export function signed(build: Build, signature: Uint8Array, nonce: bigint, signer?: Uint8Array): Buffer {
  const hint = build === "G2" ? [] : [signer === undefined ? NONE : some(signer)];
  return some(signature, u64(nonce), ...hint);
}

export const user = (owner: Uint8Array, signature: Uint8Array): Buffer => join(byte(1), owner, signature);

export function shared(build: Build, writers: readonly Uint8Array[], signature: Uint8Array): Buffer {
  const all = writers.map((writer) => (build === "G3" ? join(writer, byte(7)) : writer));
  return join(byte(3), u32(writers.length), ...all, signature);
}

export const member = (anchor: Uint8Array, signature: Uint8Array): Buffer => join(byte(4), anchor, signature);

interface About {
  readonly created?: bigint;
  readonly updated?: bigint;
  readonly storage?: Uint8Array;
  readonly crdt?: Uint8Array;
  readonly field?: string;
  readonly schema?: number;
}

export function metadata(build: Build, about: About = {}): Buffer {
  const { created = 1n, updated = 2n, storage = PUBLIC, crdt, field, schema } = about;
  return join(
    u64(created),
    u64(updated),
    storage,
    crdt === undefined ? NONE : some(crdt),
    field === undefined ? NONE : some(text(field)),
    ...(build === "G3" ? [schema === undefined ? NONE : some(u32(schema))] : []),
  );
}

interface Child {
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
}

interface Index {
  readonly id: Uint8Array;
  readonly parent?: Uint8Array;
  /** As stored. */
  readonly children?: readonly Child[];
  readonly own: Uint8Array;
  readonly metadata: Uint8Array;
  readonly deletedAt?: bigint;
  /** Absent: the build has no such list. */
  readonly deletedChildren?: readonly Uint8Array[];
}

/** The row, and the entity's hash with its children in the order of their ids. */
export function index(build: Build, entity: Index): { readonly row: Buffer; readonly full: Buffer } {
  const { children = [], deletedChildren } = entity;
  const byId = children.toSorted((a, b) => Buffer.compare(a.id, b.id));
  const full = hash(entity.own, ...byId.map((child) => child.hash));
  const list = children.map((child) => join(child.id, child.hash, metadata(build)));
  const row = join(
    entity.id,
    entity.parent === undefined ? NONE : some(entity.parent),
    children.length === 0 ? NONE : some(u32(children.length), ...list),
    full,
    entity.own,
    entity.metadata,
    entity.deletedAt === undefined ? NONE : some(u64(entity.deletedAt)),
    ...(deletedChildren === undefined ? [] : [u32(deletedChildren.length), ...deletedChildren]),
  );
  return { row, full };
}

export function upsert(tag: 0 | 3, id: Uint8Array, data: Uint8Array, about: Uint8Array): Buffer {
  return join(byte(tag), id, u32(data.length), data, u32(0), about);
}

export const removal = (id: Uint8Array, deletedAt: bigint, about: Uint8Array): Buffer =>
  join(byte(2), id, u64(deletedAt), about);

/** The artifact of actions alone. */
export const actions = (...all: readonly Uint8Array[]): Buffer => join(byte(0), u32(all.length), ...all);

/** Rows stand at the hash of a tag and the entity's id. */
export const indexKey = (id: Uint8Array): Buffer => hash(byte(0), id);
export const entryKey = (id: Uint8Array): Buffer => hash(byte(1), id);
