/** A map whose entries belong to who added them: nobody else changes or deletes them, and the node signs and checks. */
import { base58Of } from "../base58";
import { answer, idBuffer, takeAnswer } from "../host/buffer";
import {
  js_crdt_authored_map_contains,
  js_crdt_authored_map_get,
  js_crdt_authored_map_insert,
  js_crdt_authored_map_iter,
  js_crdt_authored_map_len,
  js_crdt_authored_map_new_with_id,
  js_crdt_authored_map_owned_by_me,
  js_crdt_authored_map_owner_of,
  js_crdt_authored_map_remove,
  js_crdt_authored_map_update,
} from "../host/collections";
import {
  Collection,
  Items,
  REGISTER,
  answerNumber,
  answerOr,
  answerOrNull,
  asked,
  changing,
  keyOf,
  pairOf,
  pairValue,
  readKey,
  readValue,
} from "./collection";

export class AuthoredMap<K, V> extends Collection {
  __create(): void {
    asked(js_crdt_authored_map_new_with_id(idBuffer(this.id), REGISTER));
  }

  has(key: K): bool {
    return asked(js_crdt_authored_map_contains(idBuffer(this.id), keyOf<K>(key)));
  }

  /** The value, or null. For numbers see `getOr`. */
  get(key: K): V | null {
    return answerOrNull<V>(asked(js_crdt_authored_map_get(idBuffer(this.id), keyOf<K>(key), REGISTER)));
  }

  getOr(key: K, fallback: V): V {
    return answerOr<V>(asked(js_crdt_authored_map_get(idBuffer(this.id), keyOf<K>(key), REGISTER)), fallback);
  }

  /** Adds an entry that is the caller's from now on. */
  add(key: K, value: V): void {
    changing();
    const name = pairOf<K, V>(key, value);
    asked(js_crdt_authored_map_insert(idBuffer(this.id), name, pairValue, REGISTER));
  }

  /** Changes an entry of one's own; the call ends where it is another's. */
  update(key: K, value: V): void {
    changing();
    const name = pairOf<K, V>(key, value);
    asked(js_crdt_authored_map_update(idBuffer(this.id), name, pairValue, REGISTER));
  }

  /** Deletes an entry of one's own; the call ends where it is another's. */
  delete(key: K): bool {
    changing();
    return asked(js_crdt_authored_map_remove(idBuffer(this.id), keyOf<K>(key), REGISTER));
  }

  /** Who added the entry (base58), or null where there is none. */
  ownerOf(key: K): string | null {
    if (!asked(js_crdt_authored_map_owner_of(idBuffer(this.id), keyOf<K>(key), REGISTER)) || !takeAnswer()) return null;
    return base58Of(answer);
  }

  isMine(key: K): bool {
    return asked(js_crdt_authored_map_owned_by_me(idBuffer(this.id), keyOf<K>(key)));
  }

  /** In no order that means something. */
  keys(): K[] {
    const items = this.items();
    const keys = new Array<K>(0);
    for (let i = 0; i < items.count; i++) {
      items.next();
      keys.push(readKey<K>(items.address, items.length));
      items.next();
    }
    return keys;
  }

  /** In the order of `keys`. */
  values(): V[] {
    const items = this.items();
    const values = new Array<V>(0);
    for (let i = 0; i < items.count; i++) {
      items.next();
      items.next();
      values.push(readValue<V>(items.address, items.length));
    }
    return values;
  }

  get size(): i32 {
    return <i32>answerNumber(asked(js_crdt_authored_map_len(idBuffer(this.id), REGISTER)));
  }

  private items(): Items {
    return new Items(asked(js_crdt_authored_map_iter(idBuffer(this.id), REGISTER)));
  }
}
