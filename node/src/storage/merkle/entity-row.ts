/** An entity of the host layout as its row has it. The hashed part leaves the signature out: it is added after the run. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { sha256 } from "../../model/sha256.ts";

/** The write that an entity stands at. */
export interface Write {
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  readonly updatedAt: bigint;
  /** A tombstone; `updatedAt` is when it was deleted. */
  readonly deleted: boolean;
  /** 32-byte public key that signs; absent for what anybody may write. */
  readonly owner?: Uint8Array;
  /** Kind byte and payload: see `crdt/kinds.ts`. */
  readonly data: Uint8Array;
  /** 64 bytes by `owner`; absent until signed. */
  readonly signature?: Uint8Array;
}

export interface Entity {
  readonly id: Uint8Array;
  /** The context for collections, the collection for entries. */
  readonly parent: Uint8Array;
  readonly write: Write;
}

const VERSION = 1;

export function encodeEntity({ parent, write }: Entity): Uint8Array {
  return new BorshWriter()
    .u8(VERSION)
    .fixed(parent)
    .option(write.signature, (writer, signature) => writer.fixed(signature))
    .fixed(hashedPart(write))
    .done();
}

/** Throws `invalid_argument` for bytes that are no entity. */
export function decodeEntity(id: Uint8Array, row: Uint8Array): Entity {
  const reader = new BorshReader(row);
  const version = reader.u8();
  if (version !== VERSION) {
    throw new ShoalError("invalid_argument", `an entity of version ${VERSION} expected, not ${version}`);
  }
  const parent = reader.fixed(32);
  const signature = reader.option((inner) => inner.fixed(64));
  const createdAt = reader.u64();
  const updatedAt = reader.u64();
  const deleted = reader.bool();
  const owner = reader.option((inner) => inner.fixed(32));
  const data = reader.bytes();
  reader.end();
  const write: Write = {
    createdAt,
    updatedAt,
    deleted,
    data,
    ...(owner === undefined ? {} : { owner }),
    ...(signature === undefined ? {} : { signature }),
  };
  return { id, parent, write };
}

/** What of a write is hashed and compared. */
export function hashedPart(write: Write): Uint8Array {
  return new BorshWriter()
    .u64(write.createdAt)
    .u64(write.updatedAt)
    .bool(write.deleted)
    .option(write.owner, (writer, owner) => writer.fixed(owner))
    .bytes(write.data)
    .done();
}

export const ownHash = (write: Write): Uint8Array => sha256(hashedPart(write));

/** `trieRoot`: undefined where the collection has no entries. */
export function collectionHash(write: Write, trieRoot: Uint8Array | undefined): Uint8Array {
  const own = ownHash(write);
  return trieRoot === undefined ? own : sha256(own, trieRoot);
}
