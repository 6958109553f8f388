/** Keys and values; of two values written to one key at once the later stays, and of two keys both. */
import { idBuffer, valueBuffer } from "../host/buffer";
import {
  js_crdt_delete_collection,
  js_crdt_map_contains,
  js_crdt_map_get,
  js_crdt_map_insert,
  js_crdt_map_iter,
  js_crdt_map_new_with_id,
  js_crdt_map_remove,
} from "../host/collections";
import {
  Collection,
  Items,
  REGISTER,
  answerOr,
  answerOrNull,
  asked,
  changing,
  keyOf,
  nestedId,
  pairOf,
  pairValue,
  readKey,
  readValue,
} from "./collection";

export class Map<K, V> extends Collection {
  __create(): void {
    asked(js_crdt_map_new_with_id(idBuffer(this.id), REGISTER));
  }

  has(key: K): bool {
    return asked(js_crdt_map_contains(idBuffer(this.id), keyOf<K>(key)));
  }

  /** The value, or null. For numbers, which cannot be null, see `getOr`. */
  get(key: K): V | null {
    if (isDefined(changetype<V>(0).__create)) return this.has(key) ? this.child(key) : null;
    return answerOrNull<V>(asked(js_crdt_map_get(idBuffer(this.id), keyOf<K>(key), REGISTER)));
  }

  getOr(key: K, fallback: V): V {
    return answerOr<V>(asked(js_crdt_map_get(idBuffer(this.id), keyOf<K>(key), REGISTER)), fallback);
  }

  set(key: K, value: V): this {
    if (isDefined(changetype<V>(0).__create)) ERROR("a collection within a map is made by open(key), not by set");
    changing();
    const name = pairOf<K, V>(key, value);
    asked(js_crdt_map_insert(idBuffer(this.id), name, pairValue, REGISTER));
    return this;
  }

  /** The collection under a key, made where there is none. Only where the values are collections. */
  open(key: K): V {
    const child = this.child(key);
    if (!this.has(key)) {
      changing();
      // V is a collection.
      child.__create();
      asked(
        js_crdt_map_insert(
          idBuffer(this.id),
          keyOf<K>(key),
          valueBuffer(changetype<Collection>(child).id, 32),
          REGISTER,
        ),
      );
    }
    return child;
  }

  /** Whether there was something to delete. */
  delete(key: K): bool {
    changing();
    if (isDefined(changetype<V>(0).__create)) {
      if (this.has(key)) asked(js_crdt_delete_collection(idBuffer(nestedId<K>(this.id, key)), REGISTER));
    }
    return asked(js_crdt_map_remove(idBuffer(this.id), keyOf<K>(key), REGISTER));
  }

  /** In no order that means something. */
  keys(): K[] {
    const items = this.items();
    const keys = new Array<K>();
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
    const values = new Array<V>();
    for (let i = 0; i < items.count; i++) {
      items.next();
      if (isDefined(changetype<V>(0).__create)) values.push(this.child(readKey<K>(items.address, items.length)));
      items.next();
      if (!isDefined(changetype<V>(0).__create)) values.push(readValue<V>(items.address, items.length));
    }
    return values;
  }

  get size(): i32 {
    return this.items().count;
  }

  private items(): Items {
    return new Items(asked(js_crdt_map_iter(idBuffer(this.id), REGISTER)));
  }

  private child(key: K): V {
    return instantiate<V>(nestedId<K>(this.id, key));
  }
}
