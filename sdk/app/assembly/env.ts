/** What the node tells a call about its surroundings, and what it does for it there. */
import { base58Bytes, base58Of } from "./base58";
import { fail } from "./failure";
import { REGISTER, answer, fillDescriptor, idBuffer, keyBuffer, takeAnswer, valueBuffer } from "./host/buffer";
import * as host from "./host/core";
import { encode } from "./json/codec";
import { Writer } from "./json/writer";

const CLOCK = memory.data(8, 8);
const XCALL = memory.data(48, 8);
const BLOB_CHUNK_BYTES = 64 * 1024;

export namespace env {
  /** The context's id, base58. */
  export function contextId(): string {
    host.context_id(REGISTER);
    takeAnswer();
    return base58Of(answer);
  }

  /** Who calls: a public key, base58. */
  export function executorId(): string {
    host.executor_id(REGISTER);
    takeAnswer();
    return base58Of(answer);
  }

  /** Nanoseconds since the epoch; every reading of a call is later than the one before. */
  export function timeNs(): u64 {
    host.time_now(valueBuffer(CLOCK, 8));
    return load<u64>(CLOCK);
  }

  export function timeMs(): u64 {
    return timeNs() / 1_000_000;
  }

  export function random(bytes: i32): Uint8Array {
    const chance = new Uint8Array(bytes);
    host.random_bytes(valueBuffer(chance.dataStart, bytes));
    return chance;
  }

  /** 28 hexadecimal digits that no other call will make; in the order of their time, to the millisecond. */
  export function uniqueId(): string {
    const time = timeMs();
    const chance = random(8);
    let text = hex(<u8>(time >> 40)) + hex(<u8>(time >> 32)) + hex(<u8>(time >> 24));
    text += hex(<u8>(time >> 16)) + hex(<u8>(time >> 8)) + hex(<u8>time);
    for (let i = 0; i < chance.length; i++) text += hex(chance[i]);
    return text;
  }

  /** A line of the node's log. */
  export function log(line: string): void {
    const text = String.UTF8.encode(line);
    host.log_utf8(valueBuffer(changetype<usize>(text), text.byteLength));
  }

  /** Calls a method of another context of this node once this call has been kept; its result goes nowhere. */
  export function xcall<T>(contextId: string, method: string, args: T): void {
    const w = new Writer(128);
    encode<T>(w, args);
    const name = String.UTF8.encode(method);
    fillDescriptor(XCALL, base58Bytes(contextId), 32);
    fillDescriptor(XCALL + 16, changetype<usize>(name), name.byteLength);
    fillDescriptor(XCALL + 32, w.start, w.length);
    host.xcall(XCALL);
  }
}

/** Big content: kept by the node outside of the state, under the hash of itself. */
export namespace blobs {
  /** The blob's id, base58. */
  export function write(content: Uint8Array): string {
    const blob = host.blob_create();
    for (let at = 0; at < content.length; at += BLOB_CHUNK_BYTES) {
      const length = min(BLOB_CHUNK_BYTES, content.length - at);
      host.blob_write(blob, valueBuffer(content.dataStart + at, length));
    }
    const id = heap.alloc(32);
    if (host.blob_close(blob, valueBuffer(id, 32)) != 1) fail("the node did not keep the blob", "refused");
    return base58Of(id);
  }

  /** The whole blob; where this node does not hold it, that is a fault. */
  export function read(id: string): Uint8Array {
    const blob = host.blob_open(idBuffer(base58Bytes(id)));
    let bytes = new Uint8Array(BLOB_CHUNK_BYTES);
    let length = 0;
    while (true) {
      const got = <i32>host.blob_read(blob, valueBuffer(bytes.dataStart + length, bytes.length - length));
      if (got == 0) return bytes.slice(0, length);
      length += got;
      if (length < bytes.length) continue;
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
  }

  /** Tells the context's other nodes that this one holds the blob. */
  export function announce(id: string): bool {
    host.context_id(REGISTER);
    takeAnswer();
    return host.blob_announce_to_context(idBuffer(base58Bytes(id)), keyBuffer(answer, 32)) == 1;
  }
}

function hex(byte: u8): string {
  const digits = "0123456789abcdef";
  return digits.charAt(byte >> 4) + digits.charAt(byte & 15);
}
