/** WebAssembly's binary format as far as the build looks into its own compiler's modules: LEB128 numbers and sections. */

export const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

const HEADER_BYTES = 8;

export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Reads from a position on; the bytes are the compiler's, so what does not fit is a fault of ours and throws. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new Error("the module ends in the middle of something");
    this.at += 1;
    return value;
  }

  /** Unsigned, up to 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** Over a number of any width, signed or not. */
  skipLeb(): void {
    while (this.byte() >= 0x80);
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.u32()));
  }
}

export function leb(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

export function sectionsOf(module: Uint8Array): readonly Section[] {
  const sections: Section[] = [];
  const cursor = new Cursor(module, HEADER_BYTES);
  while (cursor.at < module.length) sections.push({ id: cursor.byte(), body: cursor.take(cursor.u32()) });
  return sections;
}

export function moduleOf(module: Uint8Array, sections: readonly Section[]): Uint8Array {
  const parts = [module.subarray(0, HEADER_BYTES)];
  for (const { id, body } of sections) parts.push(Uint8Array.of(id, ...leb(body.length)), body);
  return joined(parts);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
