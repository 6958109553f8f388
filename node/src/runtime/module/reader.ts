/**
 * A cursor over a module's bytes that never reads past its end and never takes a number in more bytes than its width allows:
 * every other reading is `malformed`, with the offset.
 */
import { malformed } from "./error.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Reader {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.offset >= this.end;
  }

  byte(): number {
    const value = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (value === undefined) throw malformed("unexpected end", this.offset);
    this.offset++;
    return value;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f)
        throw malformed(
          byte & 0x80 ? "integer representation too long" : "integer too large: more than 32 bits",
          start,
        );
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed("integer representation too long", start);
  }

  /** Skips a signed LEB128 of at most `bits` bits, and checks that its unused bits repeat the sign. */
  skipSigned(bits: 32 | 33 | 64): void {
    const start = this.offset;
    for (let left: number = bits; left > 0; left -= 7) {
      const byte = this.byte();
      if (left <= 7) {
        if (byte & 0x80) throw malformed("integer representation too long", start);
        const unused = (0x7f << (left - 1)) & 0x7f;
        if ((byte & unused) !== 0 && (byte & unused) !== unused)
          throw malformed(`integer too large: more than ${bits} bits`, start);
      }
      if (byte < 0x80) return;
    }
  }

  /** Signed LEB128 of at most 33 bits, as block types are written; also good for 32 bits. */
  signed(bits: 32 | 33): number {
    const start = this.offset;
    this.skipSigned(bits);
    let value = 0;
    let scale = 1;
    for (let at = start; at < this.offset; at++) {
      value += ((this.bytes[at] ?? 0) & 0x7f) * scale;
      scale *= 0x80;
    }
    return value >= scale / 2 ? value - scale : value;
  }

  skip(count: number): void {
    if (count > this.end - this.offset) throw malformed("unexpected end: length out of bounds", this.offset);
    this.offset += count;
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    const start = this.offset;
    this.skip(count);
    return this.bytes.subarray(start, this.offset);
  }

  /** A name: its length, and that many bytes of UTF-8. */
  name(): string {
    const start = this.offset;
    const bytes = this.take(this.u32());
    try {
      return DECODER.decode(bytes);
    } catch {
      throw malformed("malformed UTF-8 encoding", start);
    }
  }

  /** A reader of the next `count` bytes, past which this one goes on. */
  part(count: number): Reader {
    const start = this.offset;
    this.skip(count);
    return new Reader(this.bytes, start, this.offset);
  }

  /** Reads a counted list; `limit` bounds it before anything is made. */
  list<T>(what: string, limit: number, read: (index: number) => T): T[] {
    const start = this.offset;
    const count = this.u32();
    if (count > limit) throw malformed(`too many ${what}: ${count}, at most ${limit} are taken`, start);
    // Each entry takes one byte at least: a count beyond what is left is a lie, told before anything is allocated.
    if (count > this.end - this.offset) throw malformed(`unexpected end: ${count} ${what} do not fit`, start);
    const found: T[] = [];
    for (let index = 0; index < count; index++) found.push(read(index));
    return found;
  }
}
