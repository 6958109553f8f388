/** How values travel: a codec writes and strictly reads one kind of value; exchanges are made of two of them. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";

export interface Codec<T> {
  readonly write: (writer: BorshWriter, value: T) => void;
  readonly read: (reader: BorshReader) => T;
}

export function encode<T>({ write }: Codec<T>, value: T): Uint8Array {
  const writer = new BorshWriter();
  write(writer, value);
  return writer.done();
}

/** Throws `invalid_argument` where the bytes are not exactly one value. */
export function decode<T>({ read }: Codec<T>, bytes: Uint8Array): T {
  const reader = new BorshReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** Reads at most `limit` items; a longer list is refused before it is read. */
export function listOf<T>(item: Codec<T>, limit: number): Codec<readonly T[]> {
  return {
    write: (writer, items) => void writer.vec(items, (inner, one) => item.write(inner, one)),
    read: (reader) => {
      const count = reader.u32();
      if (count > limit) throw new ShoalError("invalid_argument", `at most ${limit} items expected, not ${count}`);
      return Array.from({ length: count }, () => item.read(reader));
    },
  };
}

export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    write: (writer, value) => void writer.option(value, (inner, one) => item.write(inner, one)),
    read: (reader) => reader.option(() => item.read(reader)),
  };
}

/** An object, member by member in the order of `members`. */
export function record<T extends object>(members: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(members) as (keyof T)[];
  return {
    write: (writer, value) => {
      for (const name of names) members[name].write(writer, value[name]);
    },
    read: (reader) => {
      const value: Partial<T> = {};
      for (const name of names) value[name] = members[name].read(reader);
      // Every member of the table was read.
      return value as T;
    },
  };
}

export const bytes: Codec<Uint8Array> = {
  write: (writer, value) => void writer.bytes(value),
  read: (reader) => reader.bytes(),
};
export const bytes32: Codec<Uint8Array> = {
  write: (writer, value) => void writer.fixed(value),
  read: (reader) => reader.fixed(32),
};
export const number32: Codec<number> = {
  write: (writer, value) => void writer.u32(value),
  read: (reader) => reader.u32(),
};
export const flag: Codec<boolean> = {
  write: (writer, value) => void writer.bool(value),
  read: (reader) => reader.bool(),
};
export const text: Codec<string> = {
  write: (writer, value) => void writer.string(value),
  read: (reader) => reader.string(),
};

/** One of a few words, as its place among them. */
export function word<T extends string>(words: readonly [T, ...T[]]): Codec<T> {
  return {
    write: (writer, value) => void writer.u8(words.indexOf(value)),
    read: (reader) => words[reader.tag(words.length)] ?? words[0],
  };
}

/** What two forms of one value have between them. */
export function mapped<Stored, T>(
  codec: Codec<Stored>,
  to: (stored: Stored) => T,
  from: (value: T) => Stored,
): Codec<T> {
  return {
    write: (writer, value) => codec.write(writer, from(value)),
    read: (reader) => to(codec.read(reader)),
  };
}
