/** One value for each identity, which it alone writes and everybody reads: the node signs and checks. */
import { base58Bytes } from "../base58";
import { idBuffer, keyBuffer } from "../host/buffer";
import {
  js_user_storage_contains,
  js_user_storage_contains_user,
  js_user_storage_get,
  js_user_storage_get_for_user,
  js_user_storage_insert,
  js_user_storage_new_with_id,
  js_user_storage_remove,
} from "../host/collections";
import { Collection, REGISTER, answerOr, answerOrNull, asked, changing, valueOf } from "./collection";

export class UserStorage<T> extends Collection {
  __create(): void {
    asked(js_user_storage_new_with_id(idBuffer(this.id), REGISTER));
  }

  /** One's own. */
  has(): bool {
    return asked(js_user_storage_contains(idBuffer(this.id)));
  }

  /** One's own, or null. For numbers see `getOr`. */
  get(): T | null {
    return answerOrNull<T>(asked(js_user_storage_get(idBuffer(this.id), REGISTER)));
  }

  getOr(fallback: T): T {
    return answerOr<T>(asked(js_user_storage_get(idBuffer(this.id), REGISTER)), fallback);
  }

  set(value: T): void {
    changing();
    asked(js_user_storage_insert(idBuffer(this.id), valueOf<T>(value), REGISTER));
  }

  delete(): bool {
    changing();
    return asked(js_user_storage_remove(idBuffer(this.id), REGISTER));
  }

  /** Somebody else's (base58). */
  hasFor(user: string): bool {
    return asked(js_user_storage_contains_user(idBuffer(this.id), keyBuffer(base58Bytes(user), 32)));
  }

  getFor(user: string): T | null {
    return answerOrNull<T>(this.ask(user));
  }

  getForOr(user: string, fallback: T): T {
    return answerOr<T>(this.ask(user), fallback);
  }

  private ask(user: string): bool {
    const key = keyBuffer(base58Bytes(user), 32);
    return asked(js_user_storage_get_for_user(idBuffer(this.id), key, REGISTER));
  }
}
