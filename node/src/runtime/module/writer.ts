/** Bytes that grow: what the instrumenter writes a module with. */
/** Instructions are a few bytes long each: up to here a loop is faster than a view. */
const SHORT = 32;

export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bytes(values: Uint8Array | readonly number[]): this {
    const count = values.length;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    if (count > SHORT) this.#bytes.set(values, this.#length);
    else for (let at = 0; at < count; at++) this.#bytes[this.#length + at] = values[at] ?? 0;
    this.#length += count;
    return this;
  }

  /** Bytes `from .. to` of `source`. */
  copy(source: Uint8Array, from: number, to: number): this {
    const count = to - from;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    if (count > SHORT) this.#bytes.set(source.subarray(from, to), this.#length);
    else for (let at = 0; at < count; at++) this.#bytes[this.#length + at] = source[from + at] ?? 0;
    this.#length += count;
    return this;
  }

  /** Unsigned LEB128; `value` is a safe non-negative integer. */
  u32(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a safe integer. */
  signed(value: number): this {
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u32(bytes.length).bytes(bytes);
  }

  clear(): this {
    this.#length = 0;
    return this;
  }

  /** What was written, as a view: to be used before this writer writes on. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Unsigned LEB128 of `value`. */
export function leb(value: number): readonly number[] {
  return [...new Writer(5).u32(value).view()];
}
