/**
 * Values by position. Positions merge one by one: of two values pushed at once to one position the later stays. What many
 * write to at once belongs in a map under keys of its own.
 */
import { idBuffer } from "../host/buffer";
import {
  js_crdt_vector_get,
  js_crdt_vector_len,
  js_crdt_vector_new_with_id,
  js_crdt_vector_pop,
  js_crdt_vector_push,
} from "../host/collections";
import { zero } from "../json/codec";
import { Collection, REGISTER, answerNumber, answerOr, answerOrNull, asked, changing, valueOf } from "./collection";

export class Vector<T> extends Collection {
  __create(): void {
    asked(js_crdt_vector_new_with_id(idBuffer(this.id), REGISTER));
  }

  get length(): i32 {
    return <i32>answerNumber(asked(js_crdt_vector_len(idBuffer(this.id), REGISTER)));
  }

  push(value: T): void {
    changing();
    asked(js_crdt_vector_push(idBuffer(this.id), valueOf<T>(value)));
  }

  /** The value, or null behind the end. For numbers see `getOr`. */
  get(index: i32): T | null {
    return answerOrNull<T>(this.ask(index));
  }

  getOr(index: i32, fallback: T): T {
    return answerOr<T>(this.ask(index), fallback);
  }

  /** Takes the last value away; false where there was none. */
  pop(): bool {
    changing();
    return asked(js_crdt_vector_pop(idBuffer(this.id), REGISTER));
  }

  /** `count` values from `start` on, fewer where there are not so many. */
  slice(start: i32, count: i32): T[] {
    const end = min(start + count, this.length);
    const values = new Array<T>(0);
    for (let i = start; i < end; i++) values.push(answerOr<T>(this.ask(i), zero<T>()));
    return values;
  }

  private ask(index: i32): bool {
    return asked(js_crdt_vector_get(idBuffer(this.id), <u64>index, REGISTER));
  }
}
