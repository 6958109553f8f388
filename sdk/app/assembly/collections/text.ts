/** Text that several may edit at once: what each typed stays, next to what it was typed after. */
import { answer, answerLength, idBuffer, takeAnswer, valueBuffer } from "../host/buffer";
import {
  js_crdt_rga_delete,
  js_crdt_rga_get_text,
  js_crdt_rga_insert,
  js_crdt_rga_len,
  js_crdt_rga_new_with_id,
} from "../host/collections";
import { Collection, REGISTER, answerNumber, asked, changing } from "./collection";

export class Text extends Collection {
  __create(): void {
    asked(js_crdt_rga_new_with_id(idBuffer(this.id), REGISTER));
  }

  /** Characters. */
  get length(): i32 {
    return <i32>answerNumber(asked(js_crdt_rga_len(idBuffer(this.id), REGISTER)));
  }

  /** Puts `text` before the character at `index`; at `length`, behind the last. */
  insert(index: i32, text: string): void {
    changing();
    const bytes = String.UTF8.encode(text);
    asked(js_crdt_rga_insert(idBuffer(this.id), <u64>index, valueBuffer(changetype<usize>(bytes), bytes.byteLength)));
  }

  delete(index: i32, count: i32 = 1): void {
    changing();
    for (let i = 0; i < count; i++) asked(js_crdt_rga_delete(idBuffer(this.id), <u64>index));
  }

  toString(): string {
    if (!asked(js_crdt_rga_get_text(idBuffer(this.id), REGISTER)) || !takeAnswer()) return "";
    return String.UTF8.decodeUnsafe(answer, answerLength);
  }
}
