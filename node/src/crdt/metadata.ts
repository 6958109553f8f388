/**
 * What an entity says of itself beside its value, as guests write it. Two generations differ in the number of CRDT types
 * and in one field at the end, and nothing in the bytes says which it is: the reader is told.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { BorshReader, BorshWriter } from "../model/borsh.ts";

export type Layout = "G2" | "G3";

/** Operations that a writer of shared storage may do: WRITE 1, DELETE 2, ADMIN 4. */
export type OpMask = number;

export type StorageType =
  | { readonly kind: "public" }
  | {
      readonly kind: "user";
      readonly owner: Uint8Array;
      readonly signed?: { readonly signature: Uint8Array; readonly nonce: bigint };
    }
  | { readonly kind: "frozen" }
  | {
      readonly kind: "shared";
      readonly writers: readonly (readonly [account: Uint8Array, mask: OpMask])[];
      readonly signed?: { readonly signature: Uint8Array; readonly nonce: bigint };
    }
  | { readonly kind: "shared-member"; readonly anchor: Uint8Array };

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
const CUSTOM: Readonly<Record<Layout, number>> = { G2: 9, G3: 13 };
const STORAGE_KINDS: Readonly<Record<Layout, number>> = { G2: 3, G3: 5 };

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
  writeStorage(writer, metadata.storage);
  writer
    .option(metadata.crdt, (inner, { tag, custom }) => {
      inner.u8(tag);
      if (custom !== undefined) inner.string(custom);
    })
    .option(metadata.field, (inner, field) => inner.string(field));
  if (layout === "G3") writer.option(metadata.schemaVersion, (inner, version) => inner.u32(version));
}

export function writeStorage(writer: BorshWriter, storage: StorageType): void {
  switch (storage.kind) {
    case "public":
      writer.u8(0);
      return;
    case "user":
      writer.u8(1).fixed(storage.owner);
      writeSigned(writer, storage.signed);
      return;
    case "frozen":
      writer.u8(2);
      return;
    case "shared":
      writer.u8(3).vec(storage.writers, (inner, [account, mask]) => inner.fixed(account).u8(mask));
      writeSigned(writer, storage.signed);
      return;
    case "shared-member":
      writer.u8(4).fixed(storage.anchor);
  }
}

function writeSigned(writer: BorshWriter, signed: { signature: Uint8Array; nonce: bigint } | undefined): void {
  writer.option(signed, (inner, { signature, nonce }) => inner.fixed(signature).u64(nonce));
}

function readStorage(reader: BorshReader, layout: Layout): StorageType {
  const tag = reader.tag(STORAGE_KINDS[layout]);
  switch (tag) {
    case 0:
      return { kind: "public" };
    case 1:
      return { kind: "user", owner: reader.fixed(32), ...readSigned(reader) };
    case 2:
      return { kind: "frozen" };
    case 3: {
      const writers = reader.vec((inner) => [inner.fixed(32), inner.u8()] as const);
      return { kind: "shared", writers, ...readSigned(reader) };
    }
    case 4:
      return { kind: "shared-member", anchor: reader.fixed(32) };
    default:
      throw new ShoalError("internal", `storage type ${tag} has no reader`);
  }
}

function readSigned(reader: BorshReader): { signed?: { signature: Uint8Array; nonce: bigint } } {
  const signed = reader.option((inner) => ({ signature: inner.fixed(64), nonce: inner.u64() }));
  return signed === undefined ? {} : { signed };
}

function readCrdt(reader: BorshReader, layout: Layout): CrdtTag {
  const tag = reader.tag(CUSTOM[layout] + 1);
  return tag === CUSTOM[layout] ? { tag, custom: reader.string() } : { tag };
}
