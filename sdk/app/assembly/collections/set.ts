/** Values, each once; of an addition and a deletion at once the later stays. */
import { idBuffer } from "../host/buffer";
import {
  js_crdt_set_clear,
  js_crdt_set_contains,
  js_crdt_set_insert,
  js_crdt_set_iter,
  js_crdt_set_len,
  js_crdt_set_new_with_id,
  js_crdt_set_remove,
} from "../host/collections";
import { Collection, Items, REGISTER, answerNumber, asked, changing, readValue, valueOf } from "./collection";

export class Set<T> extends Collection {
  __create(): void {
    asked(js_crdt_set_new_with_id(idBuffer(this.id), REGISTER));
  }

  has(value: T): bool {
    return asked(js_crdt_set_contains(idBuffer(this.id), valueOf<T>(value)));
  }

  add(value: T): this {
    changing();
    asked(js_crdt_set_insert(idBuffer(this.id), valueOf<T>(value)));
    return this;
  }

  /** Whether there was something to delete. */
  delete(value: T): bool {
    changing();
    return asked(js_crdt_set_remove(idBuffer(this.id), valueOf<T>(value)));
  }

  clear(): void {
    changing();
    asked(js_crdt_set_clear(idBuffer(this.id)));
  }

  /** In no order that means something. */
  values(): T[] {
    const items = new Items(asked(js_crdt_set_iter(idBuffer(this.id), REGISTER)));
    const values = new Array<T>(0);
    for (let i = 0; i < items.count; i++) {
      items.next();
      values.push(readValue<T>(items.address, items.length));
    }
    return values;
  }

  get size(): i32 {
    return <i32>answerNumber(asked(js_crdt_set_len(idBuffer(this.id), REGISTER)));
  }
}
