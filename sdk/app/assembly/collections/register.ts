/** One value; of two written at once the later stays. */
import { idBuffer } from "../host/buffer";
import { js_crdt_lww_get, js_crdt_lww_new_with_id, js_crdt_lww_set } from "../host/collections";
import { fail } from "../failure";
import { answer, answerLength, takeAnswer } from "../host/buffer";
import { zero } from "../json/codec";
import { Collection, REGISTER, asked, changing, readValue, valueOf } from "./collection";

export class Register<T> extends Collection {
  __create(): void {
    asked(js_crdt_lww_new_with_id(idBuffer(this.id), REGISTER));
  }

  get isSet(): bool {
    return asked(js_crdt_lww_get(idBuffer(this.id), REGISTER));
  }

  /** Ends the call where nothing has been set, unless T can be null. */
  get value(): T {
    if (this.isSet && takeAnswer()) return readValue<T>(answer, answerLength);
    if (!isNullable<T>()) fail("a register was read before it was set", "not_set");
    return zero<T>();
  }

  set value(value: T) {
    changing();
    asked(js_crdt_lww_set(idBuffer(this.id), valueOf<T>(value), 1));
  }

  clear(): void {
    changing();
    asked(js_crdt_lww_set(idBuffer(this.id), 0, 0));
  }
}
