/**
 * What all collections share: an id of 32 bytes under which the node keeps them, and the way to ask the node. A field's id is
 * made of its name while building; a collection within a collection has the hash of its parent's id and its key, so that two
 * replicas that open it at once open the same.
 */
import { fail, panic } from "../failure";
import { REGISTER, answer, answerLength, keyBuffer, takeAnswer, valueBuffer } from "../host/buffer";
import { decode, encode } from "../json/codec";
import { Reader } from "../json/reader";
import { Writer } from "../json/writer";
import { sha256 } from "../sha256";

export class Collection {
  /** `id`: address of 32 bytes that stay. */
  constructor(readonly id: usize) {}
}

/** What the call may do and has done. */
export namespace state {
  export let view: bool = false;
  export let changed: bool = false;
  export let privateChanged: bool = false;
}

let shared: Writer | null = null;

/** One buffer for keys and values on their way to the node. */
function scratch(): Writer {
  let w = shared;
  if (w === null) {
    w = new Writer(1024);
    shared = w;
  }
  w.reset();
  return w;
}

/** What a key is to the node: a string's own bytes, and the JSON of anything else. */
export function writeKey<K>(w: Writer, key: K): void {
  if (isString<K>()) w.text(changetype<string>(key));
  else encode<K>(w, key);
}

export function readKey<K>(address: usize, length: i32): K {
  if (isString<K>()) return changetype<K>(String.UTF8.decodeUnsafe(address, length));
  return readValue<K>(address, length);
}

export function readValue<V>(address: usize, length: i32): V {
  return decode<V>(new Reader(address, length, true));
}

/** Descriptor of a key. Valid until the next of these three. */
export function keyOf<K>(key: K): u64 {
  const w = scratch();
  writeKey<K>(w, key);
  return keyBuffer(w.start, w.length);
}

export function valueOf<V>(value: V): u64 {
  const w = scratch();
  encode<V>(w, value);
  return valueBuffer(w.start, w.length);
}

/** Descriptors of both: the key's is returned, the value's is `valueBuffer` of `pairValue`. */
export function pairOf<K, V>(key: K, value: V): u64 {
  const w = scratch();
  writeKey<K>(w, key);
  const length = w.length;
  encode<V>(w, value);
  pairValue = valueBuffer(w.start + length, w.length - length);
  return keyBuffer(w.start, length);
}
export let pairValue: u64 = 0;

/** The node's word on a call: true for 1. What it refuses ends the call, and its caller hears the node's reason. */
export function asked(result: i32): bool {
  if (result < 0) refused();
  return result == 1;
}

/** Somebody else's entry, an index that is none, a limit. */
function refused(): void {
  if (takeAnswer()) fail(String.UTF8.decodeUnsafe(answer, answerLength), "refused");
  else fail("the node refused the operation", "refused");
}

/** Every change goes through here first: a view that changes something is a fault of the app. */
export function changing(): void {
  if (state.view) panic("a method marked @view changed the state");
  state.changed = true;
}

/** The value in the register, or nothing. Only for types that can be null. */
export function answerOrNull<V>(found: bool): V | null {
  if (!found || !takeAnswer()) return null;
  return readValue<V>(answer, answerLength);
}

export function answerOr<V>(found: bool, fallback: V): V {
  if (!found || !takeAnswer()) return fallback;
  return readValue<V>(answer, answerLength);
}

export function answerNumber(found: bool): u64 {
  if (!found || !takeAnswer() || answerLength != 8) return 0;
  return load<u64>(answer);
}

/** Walks what an `iter` call left in the register: how many, then a length and bytes each; a map's are keys and values in turn. */
export class Items {
  /** Values of a set, entries of a map. */
  count: i32 = 0;
  private at: usize = 0;
  address: usize = 0;
  length: i32 = 0;

  constructor(found: bool) {
    if (found && takeAnswer()) {
      this.count = load<u32>(answer);
      this.at = answer + 4;
    }
  }

  next(): void {
    this.length = load<u32>(this.at);
    this.address = this.at + 4;
    this.at = this.address + this.length;
  }
}

/** The id of the collection that lies under a key of another. */
export function nestedId<K>(parent: usize, key: K): usize {
  const w = scratch();
  w.bytes(parent, 32);
  writeKey<K>(w, key);
  return sha256(w.start, w.length);
}

export { REGISTER };
