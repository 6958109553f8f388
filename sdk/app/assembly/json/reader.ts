/**
 * JSON text as UTF-8, read where it lies. What does not fit ends the call with an error that names its place: the parameter,
 * then the members on the way (`task.title`). Members are recognised without making a string of their name.
 */
import { failWith, panic } from "../failure";
import { NUMBER_MAX_LENGTH, parseDecimal } from "./decimal";

const DEPTH_MAX = 32;

export class Reader {
  private at: usize;
  private end: usize;
  private keyAt: usize = 0;
  private keyLength: i32 = 0;
  private path: StaticArray<string> = new StaticArray<string>(DEPTH_MAX);
  private depth: i32 = 0;

  /** `stored`: the text is the app's own of earlier, so what does not fit is a fault, and members may have come and gone. */
  constructor(
    address: usize,
    length: i32,
    readonly stored: bool,
  ) {
    this.at = address;
    this.end = address + length;
  }

  /** Ends the call: what was expected at the place that is being read. */
  refuse(expected: string): void {
    this.complain("expected " + expected);
  }

  private complain(message: string): void {
    let place = "";
    for (let i = 0; i < this.depth; i++) place = i == 0 ? this.path[i] : place + "." + this.path[i];
    const text = place.length > 0 ? place + ": " + message : message;
    if (this.stored) panic("what was stored cannot be read: " + text);
    failWith("invalid_argument", text, place);
  }

  /** From here on, `name` is where we are; `leave` goes back. */
  enter(name: string): void {
    if (this.depth == DEPTH_MAX) this.refuse("fewer levels");
    this.path[this.depth] = name;
    this.depth += 1;
  }

  leave(): void {
    this.depth -= 1;
  }

  /** The next byte that is no white space, 0 at the end. */
  private peek(): u8 {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return byte;
      this.at += 1;
    }
    return 0;
  }

  private take(byte: u8): bool {
    if (this.peek() != byte) return false;
    this.at += 1;
    return true;
  }

  private word(text: string): bool {
    const length = text.length;
    if (this.at + length > this.end) return false;
    for (let i = 0; i < length; i++) {
      if (load<u8>(this.at + i) != <u8>text.charCodeAt(i)) return false;
    }
    this.at += length;
    return true;
  }

  openObject(): void {
    if (!this.take(0x7b)) this.refuse("an object");
  }

  openArray(): void {
    if (!this.take(0x5b)) this.refuse("an array");
  }

  /** To the next member of the object; false behind the last. `first`: none has been read yet. */
  nextMember(first: bool): bool {
    if (this.take(0x7d)) return false;
    if (!first && !this.take(0x2c)) this.refuse("a comma or the end of the object");
    if (this.peek() != 0x22) this.refuse("a member's name");
    this.readKey();
    if (!this.take(0x3a)) this.refuse("a colon");
    return true;
  }

  /** To the next item of the array; false behind the last. */
  nextItem(first: bool): bool {
    if (this.take(0x5d)) return false;
    if (!first && !this.take(0x2c)) this.refuse("a comma or the end of the array");
    return true;
  }

  private readKey(): void {
    const start = this.at + 1;
    let at = start;
    while (at < this.end && load<u8>(at) >= 0x20 && load<u8>(at) != 0x22 && load<u8>(at) != 0x5c) at += 1;
    if (at < this.end && load<u8>(at) == 0x22) {
      this.keyAt = start;
      this.keyLength = <i32>(at - start);
      this.at = at + 1;
    } else {
      // Escapes within a name are legal and rare: it is read as any string, and refused as any.
      const text = String.UTF8.encode(this.string());
      this.keyAt = changetype<usize>(text);
      this.keyLength = text.byteLength;
    }
  }

  /** Whether the member that was come to has this (ASCII) name. */
  is(name: string): bool {
    const length = name.length;
    if (length != this.keyLength) return false;
    for (let i = 0; i < length; i++) {
      if (load<u8>(this.keyAt + i) != <u8>name.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The name of the member that was come to. */
  key(): string {
    return String.UTF8.decodeUnsafe(this.keyAt, this.keyLength);
  }

  /** A member that nobody expects: refused, or passed over in what was stored. */
  unknown(): void {
    if (this.stored) return this.skip();
    this.enter(this.key());
    this.complain("unknown");
  }

  missing(name: string): void {
    this.enter(name);
    this.complain("missing");
  }

  takeNull(): bool {
    return this.peek() == 0x6e && this.word("null");
  }

  bool(): bool {
    const byte = this.peek();
    if (byte == 0x74 && this.word("true")) return true;
    if (byte == 0x66 && this.word("false")) return false;
    this.refuse("true or false");
    return false;
  }

  /** A whole number from `low` to `high`. */
  signed(low: i64, high: i64): i64 {
    const negative = this.take(0x2d);
    const bound = negative ? <u64>0 - <u64>low : <u64>high;
    const value = this.digits(bound);
    return negative ? <i64>(<u64>0 - value) : <i64>value;
  }

  unsigned(high: u64): u64 {
    return this.digits(high);
  }

  private digits(high: u64): u64 {
    if (this.peek() == 0) this.refuse("a whole number");
    const start = this.at;
    let value: u64 = 0;
    // A zero is a number of its own: JSON has none that begins with it.
    const zero = this.over(0x30, 0x30);
    while (!zero && this.at < this.end) {
      const digit = <u64>load<u8>(this.at) - 0x30;
      if (digit > 9) break;
      if (value > (high - digit) / 10 || digit > high) this.refuse("a whole number in the range of its type");
      value = value * 10 + digit;
      this.at += 1;
    }
    const next = this.at < this.end ? load<u8>(this.at) : 0;
    if (this.at == start || next == 0x2e || next == 0x65 || next == 0x45) this.refuse("a whole number");
    return value;
  }

  float(): f64 {
    this.peek();
    const start = this.at;
    this.over(0x2d, 0x2d);
    if (!this.over(0x30, 0x30)) this.someDigits();
    if (this.over(0x2e, 0x2e)) this.someDigits();
    if (this.over(0x65, 0x45)) {
      this.over(0x2b, 0x2d);
      this.someDigits();
    }
    const length = <i32>(this.at - start);
    const value = length <= NUMBER_MAX_LENGTH ? parseDecimal(start, length) : NaN;
    if (!isFinite(value)) this.refuse("a number");
    return value;
  }

  /** Over one of two bytes, if one is next. */
  private over(one: u8, other: u8): bool {
    if (this.at >= this.end) return false;
    const byte = load<u8>(this.at);
    if (byte != one && byte != other) return false;
    this.at += 1;
    return true;
  }

  private someDigits(): void {
    const start = this.at;
    while (this.at < this.end && <u32>load<u8>(this.at) - 0x30 <= 9) this.at += 1;
    if (this.at == start) this.refuse("a number");
  }

  string(): string {
    if (!this.take(0x22)) this.refuse("a string");
    const start = this.at;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte == 0x22) {
        const text = String.UTF8.decodeUnsafe(start, this.at - start);
        this.at += 1;
        return text;
      }
      if (byte == 0x5c) return this.escaped(start);
      if (byte < 0x20) break;
      this.at += 1;
    }
    this.refuse("the end of a string");
    return "";
  }

  /** A string with escapes: every span between two escapes is decoded at once. */
  private escaped(start: usize): string {
    let text = "";
    let span = start;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte < 0x20) break;
      if (byte != 0x22 && byte != 0x5c) {
        this.at += 1;
        continue;
      }
      text += String.UTF8.decodeUnsafe(span, this.at - span);
      this.at += 1;
      if (byte == 0x22) return text;
      text += this.escape();
      span = this.at;
    }
    this.refuse("the end of a string");
    return "";
  }

  private escape(): string {
    const byte = this.at < this.end ? load<u8>(this.at) : 0;
    this.at += 1;
    if (byte == 0x22 || byte == 0x5c || byte == 0x2f) return String.fromCharCode(byte);
    if (byte == 0x6e) return "\n";
    if (byte == 0x74) return "\t";
    if (byte == 0x72) return "\r";
    if (byte == 0x62) return "\b";
    if (byte == 0x66) return "\f";
    if (byte != 0x75) this.refuse("an escape that JSON knows");
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const digit = this.at < this.end ? hexDigit(load<u8>(this.at)) : -1;
      if (digit < 0) this.refuse("four hexadecimal digits");
      unit = (unit << 4) | digit;
      this.at += 1;
    }
    return String.fromCharCode(unit);
  }

  /** Over any value, without a limit on its depth and without recursion. */
  skip(): void {
    let depth = 0;
    do {
      const byte = this.peek();
      if (byte == 0) this.refuse("a value");
      if (byte == 0x22) this.string();
      else {
        if (byte == 0x7b || byte == 0x5b) depth += 1;
        if (byte == 0x7d || byte == 0x5d) depth -= 1;
        this.at += 1;
      }
    } while (depth > 0 || this.midWord());
  }

  private midWord(): bool {
    if (this.at >= this.end) return false;
    const byte = load<u8>(this.at);
    return byte != 0x2c && byte != 0x7d && byte != 0x5d && byte > 0x20;
  }

  /** Nothing but white space may follow. */
  finish(): void {
    if (this.peek() != 0 || this.at < this.end) this.refuse("the end of the text");
  }
}

function hexDigit(byte: u8): i32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
