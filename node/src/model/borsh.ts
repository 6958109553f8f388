/**
 * Borsh, the binary form of what guests and nodes exchange: fixed-width little-endian numbers, u32 length prefixes, one tag
 * byte for options and variants. By hand, because the library is 44 to 110 times slower (it is the tests' oracle).
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** The memory of the writer that ended last: most are small and short-lived, and making it is most of their cost. */
let spare: Buffer | undefined;
/** What a spare may have grown to. */
const SPARE_BYTES = 65_536;

/** Writes until `done`, which ends it. */
export class BorshWriter {
  #bytes: Buffer;
  #length = 0;

  constructor() {
    this.#bytes = spare ?? Buffer.allocUnsafe(1024);
    spare = undefined;
  }

  #room(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
    return this;
  }

  u64(value: bigint): this {
    this.#room(8);
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
    return this;
  }

  u128(value: bigint): this {
    return this.u64(value & 0xffff_ffff_ffff_ffffn).u64(value >> 64n);
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** Bytes of a length that both sides know. */
  fixed(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** `Vec<u8>`. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).fixed(value);
  }

  string(value: string): this {
    return this.bytes(Buffer.from(value, "utf8"));
  }

  option<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    if (value === undefined) return this.u8(0);
    this.u8(1);
    write(this, value);
    return this;
  }

  vec<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** A copy of what was written; nothing may be written afterwards. */
  done(): Uint8Array {
    const written = new Uint8Array(this.#bytes.subarray(0, this.#length));
    if (this.#bytes.length <= SPARE_BYTES) spare = this.#bytes;
    this.#bytes = ENDED;
    return written;
  }
}

/** A writer that has ended has no room, and whatever is written to it is lost with it. */
const ENDED = Buffer.alloc(0);

/**
 * Reads what a writer wrote; throws `invalid_argument` where the bytes end too early, a tag is unknown, or text is no UTF-8.
 * Nothing is allocated from a length that the bytes do not have.
 */
export class BorshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(count: number): number {
    if (count > this.remaining) {
      throw new ShoalError("invalid_argument", `${count} bytes expected at ${this.#at}, ${this.remaining} left`);
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  u128(): bigint {
    const low = this.u64();
    return low | (this.u64() << 64n);
  }

  bool(): boolean {
    return this.tag(2) === 1;
  }

  /** A variant's tag below `variants`. */
  tag(variants: number): number {
    const at = this.#at;
    const tag = this.u8();
    if (tag < variants) return tag;
    throw new ShoalError("invalid_argument", `a tag below ${variants} expected at ${at}, not ${tag}`);
  }

  /** `count` bytes as a view into the input. */
  fixed(count: number): Uint8Array {
    const at = this.#take(count);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, count);
  }

  bytes(): Uint8Array {
    return this.fixed(this.u32());
  }

  string(): string {
    const at = this.#at;
    const bytes = this.bytes();
    try {
      return strictUtf8.decode(bytes);
    } catch (cause) {
      throw new ShoalError("invalid_argument", `text at ${at} is not UTF-8`, { cause });
    }
  }

  option<T>(read: (reader: this) => T): T | undefined {
    return this.bool() ? read(this) : undefined;
  }

  vec<T>(read: (reader: this) => T): T[] {
    const count = this.u32();
    const items: T[] = [];
    // Every item of a vector takes at least a byte here, so an absurd count ends with the bytes.
    for (let n = 0; n < count; n++) items.push(read(this));
    return items;
  }

  /** Throws where something is left. */
  end(): void {
    if (this.remaining > 0) throw new ShoalError("invalid_argument", `${this.remaining} bytes after the end`);
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
