/** Events: what subscribers on every node hear once the call has been kept. */
import { emit as hostEmit, emit_with_handler } from "./host/core";
import { fillDescriptor, valueBuffer } from "./host/buffer";
import { encode } from "./json/codec";
import { Writer } from "./json/writer";

const EVENT = memory.data(32, 8);

/**
 * `event`: of a class marked @event; its name is the event's kind, its JSON the data. `handler`: a method that every other
 * node runs when the event reaches it, with the event's members as its arguments.
 */
export function emit<T>(event: T, handler: string = ""): void {
  const w = new Writer(128);
  encode<T>(w, event);
  const kind = String.UTF8.encode(nameof<T>());
  fillDescriptor(EVENT, changetype<usize>(kind), kind.byteLength);
  fillDescriptor(EVENT + 16, w.start, w.length);
  if (handler.length == 0) return hostEmit(EVENT);
  const method = String.UTF8.encode(handler);
  emit_with_handler(EVENT, valueBuffer(changetype<usize>(method), method.byteLength));
}
