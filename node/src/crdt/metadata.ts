/**
 * What an entity says of itself beside its value, as guests write it. Builds of the guests' library differ in the CRDT types,
 * in shared storage, in one field at the end, and in whether a signature names its key; nothing in the bytes says which it is:
 * the reader is told.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { BorshReader, BorshWriter } from "../model/borsh.ts";

/**
 * `G2+`: the last builds of the second generation and the first of the third, whose signatures name their key and whose shared
 * storage has writers without masks.
 */
export type Layout = "G2" | "G2+" | "G3";

export interface Signed {
  /** 64 bytes; all zero until signed. */
  readonly signature: Uint8Array;
  readonly nonce: bigint;
  /** 32-byte public key. */
  readonly signer?: Uint8Array;
}

/** Operations that a writer of shared storage may do: WRITE 1, DELETE 2, ADMIN 4. */
export type OpMask = number;

export type StorageType =
  | { readonly kind: "public" }
  | {
      readonly kind: "user";
      readonly owner: Uint8Array;
      readonly signed?: Signed;
    }
  | { readonly kind: "frozen" }
  | {
      readonly kind: "shared";
      readonly writers: readonly (readonly [account: Uint8Array, mask: OpMask])[];
      readonly signed?: Signed;
    }
  | { readonly kind: "shared-member"; readonly anchor: Uint8Array; readonly signed?: Signed };

export interface CrdtTag {
  readonly tag: number;
  /** Of the types within, such as a map's key and value, or of an application's own merge; as many as the tag has. */
  readonly names: readonly string[];
}

export interface Metadata {
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  readonly updatedAt: bigint;
  readonly storage: StorageType;
  readonly crdt?: CrdtTag;
  readonly field?: string;
  readonly schemaVersion?: number;
}

/**
 * How many names follow each tag of a CRDT type. In the order of G3: LwwRegister, GCounter, PnCounter, Rga, UnorderedMap,
 * SortedMap, UnorderedSet, SortedSet, Vector, UserStorage, FrozenStorage, SharedStorage, Custom, RotationLog; those before it
 * lack the sorted two and the log, the first the shared one as well.
 */
const CRDT_NAMES: Readonly<Record<Layout, readonly number[]>> = {
  G2: [1, 0, 0, 0, 2, 1, 1, 0, 0, 1],
  "G2+": [1, 0, 0, 0, 2, 1, 1, 0, 0, 0, 1],
  G3: [1, 0, 0, 0, 2, 2, 1, 1, 1, 0, 0, 0, 1, 0],
};
const STORAGE_KINDS: Readonly<Record<Layout, number>> = { G2: 3, "G2+": 4, G3: 5 };
/** What a writer may do where nothing limits it. */
const EVERYTHING: OpMask = 7;

export function readMetadata(reader: BorshReader, layout: Layout): Metadata {
  const createdAt = reader.u64();
  const updatedAt = reader.u64();
  const storage = readStorage(reader, layout);
  const crdt = reader.option((inner) => readCrdt(inner, layout));
  const field = reader.option((inner) => inner.string());
  const schemaVersion = layout === "G3" ? reader.option((inner) => inner.u32()) : undefined;
  return {
    createdAt,
    updatedAt,
    storage,
    ...(crdt === undefined ? {} : { crdt }),
    ...(field === undefined ? {} : { field }),
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
  };
}

export function writeMetadata(writer: BorshWriter, metadata: Metadata, layout: Layout): void {
  writer.u64(metadata.createdAt).u64(metadata.updatedAt);
  writeStorage(writer, metadata.storage, layout);
  writer
    .option(metadata.crdt, (inner, { tag, names }) => {
      inner.u8(tag);
      for (const name of names) inner.string(name);
    })
    .option(metadata.field, (inner, field) => inner.string(field));
  if (layout === "G3") writer.option(metadata.schemaVersion, (inner, version) => inner.u32(version));
}

export function writeStorage(writer: BorshWriter, storage: StorageType, layout: Layout): void {
  switch (storage.kind) {
    case "public":
      writer.u8(0);
      return;
    case "user":
      writer.u8(1).fixed(storage.owner);
      writeSigned(writer, storage.signed, layout);
      return;
    case "frozen":
      writer.u8(2);
      return;
    case "shared":
      writer.u8(3).vec(storage.writers, (inner, [account, mask]) => {
        inner.fixed(account);
        if (layout === "G3") inner.u8(mask);
      });
      writeSigned(writer, storage.signed, layout);
      return;
    case "shared-member":
      writer.u8(4).fixed(storage.anchor);
      writeSigned(writer, storage.signed, layout);
  }
}

function writeSigned(writer: BorshWriter, signed: Signed | undefined, layout: Layout): void {
  writer.option(signed, (inner, { signature, nonce, signer }) => {
    inner.fixed(signature).u64(nonce);
    if (layout !== "G2") inner.option(signer, (each, key) => each.fixed(key));
  });
}

function readStorage(reader: BorshReader, layout: Layout): StorageType {
  const tag = reader.tag(STORAGE_KINDS[layout]);
  switch (tag) {
    case 0:
      return { kind: "public" };
    case 1:
      return { kind: "user", owner: reader.fixed(32), ...readSigned(reader, layout) };
    case 2:
      return { kind: "frozen" };
    case 3: {
      const writers = reader.vec((inner) => [inner.fixed(32), layout === "G3" ? inner.u8() : EVERYTHING] as const);
      return { kind: "shared", writers, ...readSigned(reader, layout) };
    }
    case 4:
      return { kind: "shared-member", anchor: reader.fixed(32), ...readSigned(reader, layout) };
    default:
      throw new ShoalError("internal", `storage type ${tag} has no reader`);
  }
}

function readSigned(reader: BorshReader, layout: Layout): { signed?: Signed } {
  const signed = reader.option((inner) => {
    const read = { signature: inner.fixed(64), nonce: inner.u64() };
    const signer = layout === "G2" ? undefined : inner.option((each) => each.fixed(32));
    return signer === undefined ? read : { ...read, signer };
  });
  return signed === undefined ? {} : { signed };
}

function readCrdt(reader: BorshReader, layout: Layout): CrdtTag {
  const counts = CRDT_NAMES[layout];
  const tag = reader.tag(counts.length);
  return { tag, names: Array.from({ length: counts[tag] ?? 0 }, () => reader.string()) };
}
