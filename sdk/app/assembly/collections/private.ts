/** What fields marked @private become: kept on this node alone, never sent, never part of the state's root. */
import { fail, panic } from "../failure";
import { answer, answerLength, takeAnswer, valueBuffer } from "../host/buffer";
import { private_storage_read, private_storage_remove, private_storage_write } from "../host/core";
import { Writer } from "../json/writer";
import { encode, zero } from "../json/codec";
import { REGISTER, answerOr, answerOrNull, readValue, state, writeKey } from "./collection";
import { keyBuffer } from "../host/buffer";

function changing(): void {
  if (state.view) panic("a method marked @view changed private data");
  state.privateChanged = true;
}

function write<V>(key: u64, value: V): void {
  changing();
  const w = new Writer(64);
  encode<V>(w, value);
  if (private_storage_write(key, valueBuffer(w.start, w.length)) != 1)
    fail("the node keeps no private data", "refused");
}

/** One value. */
export class PrivateRegister<T> {
  constructor(private readonly name: string) {}

  private key(): u64 {
    const name = String.UTF8.encode(this.name);
    return keyBuffer(changetype<usize>(name), name.byteLength);
  }

  get isSet(): bool {
    return private_storage_read(this.key(), REGISTER) == 1;
  }

  /** Ends the call where nothing has been set, unless T can be null. */
  get value(): T {
    if (this.isSet && takeAnswer()) return readValue<T>(answer, answerLength);
    if (!isNullable<T>()) fail("a register was read before it was set", "not_set");
    return zero<T>();
  }

  set value(value: T) {
    write<T>(this.key(), value);
  }

  clear(): void {
    changing();
    private_storage_remove(this.key(), REGISTER);
  }
}

/** Values by key. Its keys cannot be listed: the node finds private data by name only. */
export class PrivateMap<K, V> {
  constructor(private readonly name: string) {}

  private key(key: K): u64 {
    const w = new Writer(64);
    w.text(this.name);
    w.byte(0);
    writeKey<K>(w, key);
    return keyBuffer(w.start, w.length);
  }

  has(key: K): bool {
    return private_storage_read(this.key(key), REGISTER) == 1;
  }

  /** The value, or null. For numbers see `getOr`. */
  get(key: K): V | null {
    return answerOrNull<V>(this.has(key));
  }

  getOr(key: K, fallback: V): V {
    return answerOr<V>(this.has(key), fallback);
  }

  set(key: K, value: V): this {
    write<V>(this.key(key), value);
    return this;
  }

  delete(key: K): bool {
    changing();
    return private_storage_remove(this.key(key), REGISTER) == 1;
  }
}
