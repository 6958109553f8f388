/** JSON text as UTF-8, written straight into memory that grows. */

export class Writer {
  /** Where the text begins; changes when it grows. */
  start: usize;
  length: i32 = 0;
  private capacity: i32;

  constructor(capacity: i32) {
    this.start = heap.alloc(capacity);
    this.capacity = capacity;
  }

  reset(): void {
    this.length = 0;
  }

  private reserve(bytes: i32): usize {
    const wanted = this.length + bytes;
    if (wanted > this.capacity) {
      const capacity = max(wanted, this.capacity * 2);
      this.start = heap.realloc(this.start, capacity);
      this.capacity = capacity;
    }
    return this.start + this.length;
  }

  byte(value: u8): void {
    store<u8>(this.reserve(1), value);
    this.length += 1;
  }

  bytes(address: usize, length: i32): void {
    memory.copy(this.reserve(length), address, length);
    this.length += length;
  }

  /** ASCII text as it is. */
  raw(text: string): void {
    const length = text.length;
    const at = this.reserve(length);
    const from = changetype<usize>(text);
    for (let i = 0; i < length; i++) store<u8>(at + i, <u8>load<u16>(from + ((<usize>i) << 1)));
    this.length += length;
  }

  /** A separator before every member of an object or array but the first. */
  comma(): void {
    const last = load<u8>(this.start + this.length - 1);
    if (last != 0x7b && last != 0x5b) this.byte(0x2c);
  }

  /** Any text as UTF-8, without quotes and escapes: what keys of collections are. */
  text(value: string): void {
    const length = value.length;
    const at = this.reserve(length * 3);
    this.length += <i32>(
      String.UTF8.encodeUnsafe(changetype<usize>(value), length, at, false, String.UTF8.ErrorMode.REPLACE)
    );
  }

  /** A JSON string; half a surrogate pair becomes U+FFFD. */
  string(value: string): void {
    const length = value.length;
    const from = changetype<usize>(value);
    this.byte(0x22);
    let done = 0;
    for (let i = 0; i < length; i++) {
      const unit = <u32>load<u16>(from + ((<usize>i) << 1));
      if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) continue;
      this.span(from, done, i);
      this.escape(unit);
      done = i + 1;
    }
    this.span(from, done, length);
    this.byte(0x22);
  }

  private span(from: usize, start: i32, end: i32): void {
    if (end <= start) return;
    const at = this.reserve((end - start) * 3);
    const source = from + ((<usize>start) << 1);
    this.length += <i32>String.UTF8.encodeUnsafe(source, end - start, at, false, String.UTF8.ErrorMode.REPLACE);
  }

  private escape(unit: u32): void {
    this.byte(0x5c);
    if (unit == 0x22 || unit == 0x5c) this.byte(<u8>unit);
    else if (unit == 0x0a) this.byte(0x6e);
    else if (unit == 0x0d) this.byte(0x72);
    else if (unit == 0x09) this.byte(0x74);
    else {
      this.raw("u00");
      this.byte(<u8>(0x30 + (unit >> 4)));
      const low = unit & 15;
      this.byte(<u8>(low < 10 ? 0x30 + low : 0x57 + low));
    }
  }

  signed(value: i64): void {
    if (value < 0) {
      this.byte(0x2d);
      this.unsigned(<u64>0 - <u64>value);
    } else this.unsigned(<u64>value);
  }

  unsigned(value: u64): void {
    let digits = 1;
    for (let rest = value / 10; rest > 0; rest /= 10) digits += 1;
    let at = this.reserve(digits) + digits;
    let rest = value;
    do {
      at -= 1;
      store<u8>(at, <u8>(0x30 + (rest % 10)));
      rest /= 10;
    } while (rest > 0);
    this.length += digits;
  }
}
