/**
 * What an entity says of itself beside its value, as guests write it. Generations differ in the number of CRDT types, in
 * one field at the end, and in whether a signature names its key; nothing in the bytes says which it is: the reader is told.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { BorshReader, BorshWriter } from "../model/borsh.ts";

/** `G3+`: the later builds of the third generation, whose signatures name the key that made them. */
export type Layout = "G2" | "G3" | "G3+";

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
  /** Name of an application's own merge. */
  readonly custom?: string;
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

/** The tag of `Custom(name)`, the last CRDT type of each generation. */
const CUSTOM: Readonly<Record<Layout, number>> = { G2: 9, G3: 13, "G3+": 13 };
const STORAGE_KINDS: Readonly<Record<Layout, number>> = { G2: 3, G3: 5, "G3+": 5 };

export function readMetadata(reader: BorshReader, layout: Layout): Metadata {
  const createdAt = reader.u64();
  const updatedAt = reader.u64();
  const storage = readStorage(reader, layout);
  const crdt = reader.option((inner) => readCrdt(inner, layout));
  const field = reader.option((inner) => inner.string());
  const schemaVersion = layout === "G2" ? undefined : reader.option((inner) => inner.u32());
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
    .option(metadata.crdt, (inner, { tag, custom }) => {
      inner.u8(tag);
      if (custom !== undefined) inner.string(custom);
    })
    .option(metadata.field, (inner, field) => inner.string(field));
  if (layout !== "G2") writer.option(metadata.schemaVersion, (inner, version) => inner.u32(version));
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
      writer.u8(3).vec(storage.writers, (inner, [account, mask]) => inner.fixed(account).u8(mask));
      writeSigned(writer, storage.signed, layout);
      return;
    case "shared-member":
      writer.u8(4).fixed(storage.anchor);
      if (layout === "G3+") writeSigned(writer, storage.signed, layout);
  }
}

function writeSigned(writer: BorshWriter, signed: Signed | undefined, layout: Layout): void {
  writer.option(signed, (inner, { signature, nonce, signer }) => {
    inner.fixed(signature).u64(nonce);
    if (layout === "G3+") inner.option(signer, (each, key) => each.fixed(key));
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
      const writers = reader.vec((inner) => [inner.fixed(32), inner.u8()] as const);
      return { kind: "shared", writers, ...readSigned(reader, layout) };
    }
    case 4:
      return {
        kind: "shared-member",
        anchor: reader.fixed(32),
        ...(layout === "G3+" ? readSigned(reader, layout) : {}),
      };
    default:
      throw new ShoalError("internal", `storage type ${tag} has no reader`);
  }
}

function readSigned(reader: BorshReader, layout: Layout): { signed?: Signed } {
  const signed = reader.option((inner) => {
    const read = { signature: inner.fixed(64), nonce: inner.u64() };
    const signer = layout === "G3+" ? inner.option((each) => each.fixed(32)) : undefined;
    return signer === undefined ? read : { ...read, signer };
  });
  return signed === undefined ? {} : { signed };
}

function readCrdt(reader: BorshReader, layout: Layout): CrdtTag {
  const tag = reader.tag(CUSTOM[layout] + 1);
  return tag === CUSTOM[layout] ? { tag, custom: reader.string() } : { tag };
}
