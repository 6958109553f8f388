/** Values that nobody changes any more, each under the hash of itself. */
import { base58Bytes, base58Of } from "../base58";
import { panic } from "../failure";
import { answer, answerLength, idBuffer, keyBuffer, takeAnswer } from "../host/buffer";
import {
  js_frozen_storage_add,
  js_frozen_storage_contains,
  js_frozen_storage_get,
  js_frozen_storage_new_with_id,
} from "../host/collections";
import { Collection, REGISTER, answerOrNull, asked, changing, valueOf } from "./collection";

export class FrozenStorage<T> extends Collection {
  __create(): void {
    asked(js_frozen_storage_new_with_id(idBuffer(this.id), REGISTER));
  }

  /** The value's hash (base58), by which it is found again. */
  add(value: T): string {
    changing();
    asked(js_frozen_storage_add(idBuffer(this.id), valueOf<T>(value), REGISTER));
    if (!takeAnswer() || answerLength != 32) panic("the node gave no hash for a frozen value");
    return base58Of(answer);
  }

  has(hash: string): bool {
    return asked(js_frozen_storage_contains(idBuffer(this.id), keyBuffer(base58Bytes(hash), 32)));
  }

  get(hash: string): T | null {
    const key = keyBuffer(base58Bytes(hash), 32);
    return answerOrNull<T>(asked(js_frozen_storage_get(idBuffer(this.id), key, REGISTER)));
  }
}
