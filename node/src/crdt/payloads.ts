/** What entries hold after their kind byte, and the ids they must stand at. Readers throw `invalid_argument`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import { sha256 } from "../model/sha256.ts";
import { ENTRY, type EntryName } from "./kinds.ts";

const KEY_BYTES = 32;
const ENTRY_DOMAIN = new TextEncoder().encode("__calimero_entry__");
export const RUN_KEY_BYTES = 16;
/** Scalar values of one run of text. */
export const MAX_RUN = 65_536;

export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
export interface Placed {
  readonly index: bigint;
  readonly value: Uint8Array;
}
export interface RegisterValue {
  /** 16 bytes of the writer's key: who wins among equal stamps. */
  readonly node: Uint8Array;
  readonly value: Uint8Array | undefined;
}
/** Counts of one executor; what was counted before the last reset is in the bases. */
export interface Count {
  readonly executor: Uint8Array;
  readonly up: bigint;
  readonly upBase: bigint;
  readonly down: bigint;
  readonly downBase: bigint;
}
/** A run of text that was inserted at once. */
export interface Run {
  /** Stamp (u64 BE) and 8 random bytes: orders runs that stand at the same place, the later first. */
  readonly key: Uint8Array;
  /** The character it stands right of; undefined: the beginning. */
  readonly left: { readonly run: Uint8Array; readonly offset: number } | undefined;
  readonly text: string;
  /** A bit per scalar value, from the lowest of the first byte. */
  readonly deleted: Uint8Array;
}
/** A writer set of a shared cell, and the one it follows. */
export interface Writers {
  readonly previous: Uint8Array | undefined;
  readonly frozen: boolean;
  readonly writers: readonly Uint8Array[];
  /** The value at the time of the rotation. */
  readonly carried: { readonly stamp: bigint; readonly value: Uint8Array } | undefined;
}

const start = (name: EntryName): BorshWriter => new BorshWriter().u8(ENTRY[name]);
const startReading = (data: Uint8Array): BorshReader => new BorshReader(data.subarray(1));

function whole<T>(data: Uint8Array, read: (reader: BorshReader) => T): T {
  const reader = startReading(data);
  const value = read(reader);
  reader.end();
  return value;
}

export const writePair = (name: "mapEntry" | "authoredEntry", { key, value }: Pair): Uint8Array =>
  start(name).bytes(key).bytes(value).done();
export const readPair = (data: Uint8Array): Pair =>
  whole(data, (reader) => ({ key: reader.bytes(), value: reader.bytes() }));

export const writeValue = (
  name: "setEntry" | "userSlot" | "frozenValue" | "sharedSlot",
  value: Uint8Array,
): Uint8Array => start(name).bytes(value).done();
export const readValue = (data: Uint8Array): Uint8Array => whole(data, (reader) => reader.bytes());

export const writePlaced = (name: "element" | "authoredElement", { index, value }: Placed): Uint8Array =>
  start(name).u64(index).bytes(value).done();
export const readPlaced = (data: Uint8Array): Placed =>
  whole(data, (reader) => ({ index: reader.u64(), value: reader.bytes() }));

export const writeRegister = ({ node, value }: RegisterValue): Uint8Array =>
  start("registerValue")
    .fixed(node)
    .option(value, (writer, bytes) => writer.bytes(bytes))
    .done();
export const readRegister = (data: Uint8Array): RegisterValue =>
  whole(data, (reader) => ({ node: reader.fixed(16), value: reader.option((inner) => inner.bytes()) }));

export const writeCount = ({ executor, up, upBase, down, downBase }: Count): Uint8Array =>
  start("count").fixed(executor).u64(up).u64(upBase).u64(down).u64(downBase).done();
export const readCount = (data: Uint8Array): Count =>
  whole(data, (reader) => ({
    executor: reader.fixed(KEY_BYTES),
    up: reader.u64(),
    upBase: reader.u64(),
    down: reader.u64(),
    downBase: reader.u64(),
  }));

export const writeRun = ({ key, left, text, deleted }: Run): Uint8Array =>
  start("run")
    .fixed(key)
    .option(left, (writer, { run, offset }) => writer.fixed(run).u32(offset))
    .string(text)
    .bytes(deleted)
    .done();

export function readRun(data: Uint8Array): Run {
  const run = whole(data, (reader) => ({
    key: reader.fixed(RUN_KEY_BYTES),
    left: reader.option((inner) => ({ run: inner.fixed(RUN_KEY_BYTES), offset: inner.u32() })),
    text: reader.string(),
    deleted: reader.bytes(),
  }));
  const length = scalars(run.text);
  if (length === 0 || length > MAX_RUN || run.deleted.length !== (length + 7) >>> 3) {
    throw new ShoalError("invalid_argument", "a run of text with a bit per character expected");
  }
  return run;
}

/** Scalar values of `text`. */
export function scalars(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export const writeWriters = ({ previous, frozen, writers, carried }: Writers): Uint8Array =>
  start("writers")
    .option(previous, (writer, id) => writer.fixed(id))
    .bool(frozen)
    .vec(writers, (writer, key) => writer.fixed(key))
    .option(carried, (writer, { stamp, value }) => writer.u64(stamp).bytes(value))
    .done();
export const readWriters = (data: Uint8Array): Writers =>
  whole(data, (reader) => ({
    previous: reader.option((inner) => inner.fixed(32)),
    frozen: reader.bool(),
    writers: reader.vec((inner) => inner.fixed(KEY_BYTES)),
    carried: reader.option((inner) => ({ stamp: inner.u64(), value: inner.bytes() })),
  }));

/** The id of an entry whose data is `data`; throws where the payload cannot be read. */
export function entryId(name: EntryName, collection: Uint8Array, data: Uint8Array, owner?: Uint8Array): Uint8Array {
  switch (name) {
    case "mapEntry":
      return idFrom(name, collection, readPair(data).key);
    case "authoredEntry": {
      const { key } = readPair(data);
      const prefix = authoredPrefix(collection, key);
      return Buffer.concat([Buffer.from(prefix, "hex"), idFrom(name, collection, key, owner).subarray(0, 16)]);
    }
    case "setEntry":
    case "frozenValue":
      return idFrom(name, collection, sha256(readValue(data)), owner);
    case "element":
    case "authoredElement":
      return elementId(name, collection, readPlaced(data).index, owner);
    case "registerValue":
      readRegister(data);
      return idFrom(name, collection, EMPTY);
    case "count":
      return idFrom(name, collection, readCount(data).executor);
    case "run":
      return idFrom(name, collection, readRun(data).key);
    case "userSlot":
    case "sharedSlot":
      readValue(data);
      return idFrom(name, collection, EMPTY, owner);
    case "writers":
      readWriters(data);
      return idFrom(name, collection, sha256(data), owner);
  }
}

/** `key`: what tells entries of this kind in one collection apart; an owned entry is also told apart by its owner. */
export function idFrom(name: EntryName, collection: Uint8Array, key: Uint8Array, owner?: Uint8Array): Uint8Array {
  return sha256(collection, ENTRY_DOMAIN, Uint8Array.of(ENTRY[name]), owner ?? EMPTY, key);
}

/**
 * Ids of elements begin with their position, so that the trie has them in order: the number of significant nibbles, then
 * these nibbles, then a hash that makes the id one of its own.
 */
export function elementId(name: EntryName, collection: Uint8Array, index: bigint, owner?: Uint8Array): Uint8Array {
  const digits = index === 0n ? "" : index.toString(16);
  if (digits.length > 15) throw new ShoalError("invalid_argument", "the position is too large");
  const hash = sha256(collection, ENTRY_DOMAIN, Uint8Array.of(ENTRY[name]), owner ?? EMPTY, Buffer.from(digits));
  const prefix = digits.length.toString(16) + digits;
  return Buffer.from(prefix + Buffer.from(hash).toString("hex").slice(prefix.length), "hex");
}

/** What the ids of all entries under one key of an authored map begin with, in hex: their owners tell them apart. */
export function authoredPrefix(collection: Uint8Array, key: Uint8Array): string {
  return Buffer.from(idFrom("authoredEntry", collection, key))
    .toString("hex")
    .slice(0, 32);
}

const EMPTY = new Uint8Array();
