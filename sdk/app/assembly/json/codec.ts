/**
 * Values and their JSON, chosen by type while compiling: bool, integers, floats, string, arrays, Uint8Array (an array of
 * numbers), X | null, Dictionary<X>, and classes marked @json or @event, whose members the build writes.
 */
import { panic } from "../failure";
import { Reader } from "./reader";
import { Writer } from "./writer";

export function encode<T>(w: Writer, value: T): void {
  if (isNullable<T>()) {
    if (value === null) w.raw("null");
    else encode<nonnull<T>>(w, changetype<nonnull<T>>(value));
  } else if (isBoolean<T>()) {
    w.raw(value ? "true" : "false");
  } else if (isInteger<T>()) {
    if (isSigned<T>()) w.signed(<i64>value);
    else w.unsigned(<u64>value);
  } else if (isFloat<T>()) {
    if (!isFinite(<f64>value)) panic("JSON has no NaN and no infinity");
    w.raw((<f64>value).toString());
  } else if (isString<T>()) {
    w.string(changetype<string>(value));
  } else if (isArray<T>()) {
    encodeArray<T>(w, value);
  } else if (value instanceof Uint8Array) {
    encodeBytes(w, changetype<Uint8Array>(value));
  } else {
    // The build adds it to classes marked @json and @event.
    value.__encode(w);
  }
}

function encodeArray<T>(w: Writer, value: T): void {
  w.byte(0x5b);
  // T is an array.
  for (let i = 0, length = value.length; i < length; i++) {
    w.comma();
    // T is an array.
    encode<valueof<T>>(w, unchecked(value[i]));
  }
  w.byte(0x5d);
}

function encodeBytes(w: Writer, value: Uint8Array): void {
  w.byte(0x5b);
  for (let i = 0, length = value.length; i < length; i++) {
    w.comma();
    w.unsigned(value[i]);
  }
  w.byte(0x5d);
}

export function decode<T>(r: Reader): T {
  if (isNullable<T>()) {
    if (r.takeNull()) return changetype<T>(0);
    return changetype<T>(decode<nonnull<T>>(r));
  } else if (isBoolean<T>()) {
    return <T>r.bool();
  } else if (isInteger<T>()) {
    if (isSigned<T>()) return <T>r.signed(lowest<T>(), highest<T>());
    return <T>r.unsigned(<u64>highest<T>());
  } else if (isFloat<T>()) {
    return <T>r.float();
  } else if (isString<T>()) {
    return changetype<T>(r.string());
  } else if (isArray<T>()) {
    return decodeArray<T>(r);
  } else if (idof<T>() == idof<Uint8Array>()) {
    return changetype<T>(decodeBytes(r));
  } else {
    return decodeObject<T>(r);
  }
}

function lowest<T>(): i64 {
  if (sizeof<T>() == 8) return i64.MIN_VALUE;
  return -((<i64>1) << (<i64>sizeof<T>() * 8 - 1));
}

function highest<T>(): i64 {
  if (sizeof<T>() == 8) return isSigned<T>() ? i64.MAX_VALUE : -1;
  return ((<i64>1) << (<i64>sizeof<T>() * 8 - (isSigned<T>() ? 1 : 0))) - 1;
}

function decodeArray<T>(r: Reader): T {
  const items = instantiate<T>();
  r.openArray();
  let first = true;
  while (r.nextItem(first)) {
    first = false;
    // T is an array.
    items.push(decode<valueof<T>>(r));
  }
  return items;
}

function decodeBytes(r: Reader): Uint8Array {
  const items = decodeArray<u8[]>(r);
  const bytes = new Uint8Array(items.length);
  for (let i = 0; i < items.length; i++) bytes[i] = items[i];
  return bytes;
}

/** The object is made without its constructor, which may ask for arguments; `__decode` sets every field. */
function decodeObject<T>(r: Reader): T {
  const value = changetype<T>(__new(offsetof<T>(), idof<T>()));
  // The build adds it to classes marked @json and @event.
  value.__decode(r);
  return value;
}

/** The value that a variable of any type may hold before it has one. */
export function zero<T>(): T {
  if (isReference<T>()) return changetype<T>(0);
  return <T>0;
}

/** A JSON object whose members are all of one type. */
export class Dictionary<T> {
  private members: Map<string, T> = new Map<string, T>();

  has(name: string): bool {
    return this.members.has(name);
  }

  /** Ask `has` first: a member that is not there ends the call. */
  get(name: string): T {
    return this.members.get(name);
  }

  set(name: string, value: T): this {
    this.members.set(name, value);
    return this;
  }

  delete(name: string): bool {
    return this.members.delete(name);
  }

  keys(): string[] {
    return this.members.keys();
  }

  get size(): i32 {
    return this.members.size;
  }

  __encode(w: Writer): void {
    w.byte(0x7b);
    const keys = this.members.keys();
    for (let i = 0; i < keys.length; i++) {
      w.comma();
      w.string(keys[i]);
      w.byte(0x3a);
      encode<T>(w, this.members.get(keys[i]));
    }
    w.byte(0x7d);
  }

  __decode(r: Reader): void {
    this.members = new Map<string, T>();
    r.openObject();
    let first = true;
    while (r.nextMember(first)) {
      first = false;
      const name = r.key();
      r.enter(name);
      this.members.set(name, decode<T>(r));
      r.leave();
    }
  }
}
