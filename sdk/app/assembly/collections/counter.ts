/** Counts that lose nothing when two replicas count at once: each identity has a count of its own, and the sum is the value. */
import { base58Bytes } from "../base58";
import { idBuffer, keyBuffer } from "../host/buffer";
import {
  js_crdt_counter_get_executor_count,
  js_crdt_counter_increment,
  js_crdt_counter_new_with_id,
  js_crdt_counter_value,
  js_crdt_pncounter_decrement,
  js_crdt_pncounter_increment,
  js_crdt_pncounter_new_with_id,
  js_crdt_pncounter_value,
} from "../host/collections";
import { Collection, REGISTER, answerNumber, asked, changing } from "./collection";

/** Goes up only. */
export class Counter extends Collection {
  __create(): void {
    asked(js_crdt_counter_new_with_id(idBuffer(this.id), REGISTER));
  }

  increment(): void {
    changing();
    asked(js_crdt_counter_increment(idBuffer(this.id)));
  }

  get value(): u64 {
    return answerNumber(asked(js_crdt_counter_value(idBuffer(this.id), REGISTER)));
  }

  /** How often one identity (base58) has counted. */
  of(executor: string): u64 {
    const key = keyBuffer(base58Bytes(executor), 32);
    return answerNumber(asked(js_crdt_counter_get_executor_count(idBuffer(this.id), key, 1, REGISTER)));
  }
}

/** Goes up and down. */
export class PnCounter extends Collection {
  __create(): void {
    asked(js_crdt_pncounter_new_with_id(idBuffer(this.id), REGISTER));
  }

  increment(): void {
    changing();
    asked(js_crdt_pncounter_increment(idBuffer(this.id)));
  }

  decrement(): void {
    changing();
    asked(js_crdt_pncounter_decrement(idBuffer(this.id)));
  }

  get value(): i64 {
    return <i64>answerNumber(asked(js_crdt_pncounter_value(idBuffer(this.id), REGISTER)));
  }
}
