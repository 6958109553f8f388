/**
 * Reads and writes AMQP's elementary types. A table keeps the type of each value, so that headers pass through the broker
 * (and into the log and back) as they came; RabbitMQ's type letters are used, as all its clients use them.
 */
import { isUtf8 } from "node:buffer";
import { AmqpError } from "./errors.ts";

export type Field =
  | { readonly type: "t"; readonly value: boolean }
  | { readonly type: "b" | "B" | "s" | "u" | "I" | "i" | "f" | "d"; readonly value: number }
  | { readonly type: "l" | "T"; readonly value: bigint }
  | { readonly type: "D"; readonly scale: number; readonly value: number }
  | { readonly type: "S" | "x"; readonly value: Buffer }
  | { readonly type: "A"; readonly value: readonly Field[] }
  | { readonly type: "F"; readonly value: Table }
  | { readonly type: "V" };

export type Table = ReadonlyMap<string, Field>;

export const EMPTY_TABLE: Table = new Map();

/** Tables inside tables, deeper than which a sender only wants to exhaust the stack. */
const MAX_DEPTH = 64;

export const text = (value: string): Field => ({ type: "S", value: Buffer.from(value) });
export const long = (value: number): Field => ({ type: "l", value: BigInt(value) });
export const flag = (value: boolean): Field => ({ type: "t", value });
export const table = (entries: Readonly<Record<string, Field>>): Field => ({
  type: "F",
  value: new Map(Object.entries(entries)),
});

/** A cursor over bytes that came from outside: reading past the end is the sender's syntax error, never ours. */
export class Reader {
  readonly bytes: Buffer;
  offset: number;
  #bits = 0;
  #bitAt = 8;

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  #take(size: number): number {
    const at = this.offset;
    if (at + size > this.bytes.length) throw new AmqpError("SYNTAX_ERROR", "arguments end early");
    this.offset = at + size;
    this.#bitAt = 8;
    return at;
  }

  octet(): number {
    return this.bytes[this.#take(1)] as number;
  }
  short(): number {
    return this.bytes.readUInt16BE(this.#take(2));
  }
  long(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }
  longlong(): bigint {
    return this.bytes.readBigUInt64BE(this.#take(8));
  }
  double(): number {
    return this.bytes.readDoubleBE(this.#take(8));
  }

  /** Bits share octets as long as they follow each other. */
  bit(): boolean {
    if (this.#bitAt === 8) {
      this.#bits = this.octet();
      this.#bitAt = 0;
    }
    return ((this.#bits >> this.#bitAt++) & 1) === 1;
  }

  take(size: number): Buffer {
    const at = this.#take(size);
    return this.bytes.subarray(at, at + size);
  }

  shortstr(): string {
    const size = this.octet();
    const at = this.#take(size);
    const value = this.bytes.toString("utf8", at, at + size);
    if (value.includes("\ufffd") && !isUtf8(this.bytes.subarray(at, at + size)))
      throw new AmqpError("SYNTAX_ERROR", "a short string is not UTF-8");
    return value;
  }

  longstr(): Buffer {
    return this.take(this.long());
  }

  table(depth = 0): Table {
    const size = this.long();
    const end = this.offset + size;
    if (end > this.bytes.length) throw new AmqpError("SYNTAX_ERROR", "a table ends early");
    if (size === 0) {
      this.#bitAt = 8;
      return EMPTY_TABLE;
    }
    const fields = new Map<string, Field>();
    while (this.offset < end) fields.set(this.shortstr(), this.field(depth));
    if (this.offset !== end) throw new AmqpError("SYNTAX_ERROR", "a table is longer than it says");
    return fields;
  }

  #array(depth: number): readonly Field[] {
    const size = this.long();
    const end = this.offset + size;
    const values: Field[] = [];
    while (this.offset < end) values.push(this.field(depth));
    if (this.offset !== end) throw new AmqpError("SYNTAX_ERROR", "an array is longer than it says");
    return values;
  }

  field(depth: number): Field {
    if (depth > MAX_DEPTH) throw new AmqpError("SYNTAX_ERROR", `tables are nested deeper than ${MAX_DEPTH}`);
    const type = String.fromCharCode(this.octet());
    switch (type) {
      case "t":
        return { type, value: this.octet() !== 0 };
      case "b":
        return { type, value: this.bytes.readInt8(this.#take(1)) };
      case "B":
        return { type, value: this.octet() };
      case "s":
        return { type, value: this.bytes.readInt16BE(this.#take(2)) };
      case "u":
        return { type, value: this.short() };
      case "I":
        return { type, value: this.bytes.readInt32BE(this.#take(4)) };
      case "i":
        return { type, value: this.long() };
      case "l":
        return { type, value: this.bytes.readBigInt64BE(this.#take(8)) };
      case "T":
        return { type, value: this.longlong() };
      case "f":
        return { type, value: this.bytes.readFloatBE(this.#take(4)) };
      case "d":
        return { type, value: this.double() };
      case "D":
        return { type, scale: this.octet(), value: this.bytes.readInt32BE(this.#take(4)) };
      case "S":
      case "x":
        return { type, value: Buffer.from(this.longstr()) };
      case "A":
        return { type, value: this.#array(depth + 1) };
      case "F":
        return { type, value: this.table(depth + 1) };
      case "V":
        return { type };
      default:
        throw new AmqpError("SYNTAX_ERROR", `no field type ${JSON.stringify(type)}`);
    }
  }
}

/** Grows as it is written to. Values come from the broker itself and are in range. */
export class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;
  #bitAt = 8;

  #grow(size: number): number {
    const at = this.#length;
    if (at + size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + size));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = at + size;
    this.#bitAt = 8;
    return at;
  }

  octet(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }
  short(value: number): void {
    const at = this.#grow(2);
    this.#bytes.writeUInt16BE(value, at);
  }
  long(value: number): void {
    const at = this.#grow(4);
    this.#bytes.writeUInt32BE(value, at);
  }
  longlong(value: bigint): void {
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at);
  }
  double(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  bit(value: boolean): void {
    if (this.#bitAt === 8) {
      this.octet(0);
      this.#bitAt = 0;
    }
    const at = this.#length - 1;
    if (value) this.#bytes[at] = (this.#bytes[at] as number) | (1 << this.#bitAt);
    this.#bitAt += 1;
  }

  raw(value: Buffer): void {
    const at = this.#grow(value.length);
    value.copy(this.#bytes, at);
  }

  /** Cut at 255 bytes: the only long ones are reply texts. */
  shortstr(value: string): void {
    const bytes = Buffer.from(value).subarray(0, 255);
    this.octet(bytes.length);
    this.raw(bytes);
  }

  longstr(value: Buffer): void {
    this.long(value.length);
    this.raw(value);
  }

  table(value: Table): void {
    this.#sized(() => {
      for (const [name, field] of value) {
        this.shortstr(name);
        this.field(field);
      }
    });
  }

  #sized(write: () => void): void {
    const at = this.#grow(4);
    write();
    this.#bytes.writeUInt32BE(this.#length - at - 4, at);
  }

  field(field: Field): void {
    this.octet(field.type.charCodeAt(0));
    switch (field.type) {
      case "t":
        return this.octet(field.value ? 1 : 0);
      case "b":
      case "B":
        return this.octet(field.value & 0xff);
      case "s":
      case "u":
        return this.short(field.value & 0xffff);
      case "I":
      case "i":
        return this.long(field.value >>> 0);
      case "l":
      case "T":
        return this.longlong(field.value);
      case "f": {
        const at = this.#grow(4);
        this.#bytes.writeFloatBE(field.value, at);
        return;
      }
      case "d":
        return this.double(field.value);
      case "D":
        this.octet(field.scale);
        return this.long(field.value >>> 0);
      case "S":
      case "x":
        return this.longstr(field.value);
      case "A":
        return this.#sized(() => field.value.forEach((each) => this.field(each)));
      case "F":
        return this.table(field.value);
      case "V":
        return;
    }
  }

  /** What was written, as a view that the next write may move away from. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
