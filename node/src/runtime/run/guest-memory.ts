/**
 * The guest's linear memory, seen through descriptors (reference §2.1): a pointer argument points to a little-endian
 * structure of u64 fields, whose pointers point to the bytes. Every access looks at the buffer anew, because the guest may
 * have grown it since the last call, and every length is compared before anything is read or made.
 */
import type { HostBudget } from "./host-budget.ts";
import { HostTrap, invalidAccess } from "./trap.ts";

/** A pointer and a length as the guest gave them. */
export interface Span {
  readonly at: number;
  readonly length: number;
}

const TWO_32 = 0x1_0000_0000;
const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class GuestMemory {
  readonly #budget: HostBudget;
  #memory: WebAssembly.Memory | undefined;
  #buffer: ArrayBufferLike | undefined;
  #bytes = NOTHING;
  #view = NO_VIEW;

  constructor(budget: HostBudget) {
    this.#budget = budget;
  }

  /** Until then there is no memory: a start function that calls the host with a pointer is refused. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** Where `pointer`, the guest's i64, points to, with `size` bytes there. */
  at(pointer: bigint, size: number): number {
    const at = Number(pointer);
    this.#check(at, size);
    return at;
  }

  /** What a `Buffer` or `BufferMut` descriptor says; the bytes that it points to are checked when they are touched. */
  span(descriptor: bigint): Span {
    return this.spanAt(this.at(descriptor, 16));
  }

  /** The same as a part of a larger descriptor that was checked already. */
  spanAt(offset: number): Span {
    return { at: this.u64(offset), length: this.u64(offset + 8) };
  }

  /** u64 at a checked offset; inexact above 2^53, which is far outside of any memory. */
  u64(offset: number): number {
    return this.#view.getUint32(offset, true) + this.#view.getUint32(offset + 4, true) * TWO_32;
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** A copy that outlives the guest. */
  copy(span: Span): Uint8Array {
    return new Uint8Array(this.borrow(span));
  }

  /** Exactly `length` bytes, or the trap of a bad pointer. */
  copyExactly(span: Span, length: number): Uint8Array {
    if (span.length !== length) throw invalidAccess();
    return this.copy(span);
  }

  /** The bytes themselves: valid until the guest runs again. */
  borrow({ at, length }: Span): Uint8Array {
    // An empty buffer may point anywhere: an empty slice of Rust points to 1.
    if (length === 0) return NOTHING;
    this.#check(at, length);
    this.#budget.bytes(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Bytes as characters 0 to 255: the form in which keys are compared. */
  latin1({ at, length }: Span): string {
    if (length === 0) return "";
    this.#check(at, length);
    this.#budget.bytes(length);
    return this.#bytes.toString("latin1", at, at + length);
  }

  /** Strict UTF-8. */
  text(span: Span): string {
    const bytes = this.borrow(span);
    try {
      return UTF_8.decode(bytes);
    } catch {
      throw new HostTrap("BadUTF8", "invalid UTF-8 string");
    }
  }

  /** Fills exactly what `span` says; `bytes` must be as long. */
  write(span: Span, bytes: Uint8Array): void {
    if (span.length !== bytes.length) throw invalidAccess();
    this.writable(span).set(bytes);
  }

  /** The place to fill, for what is made in place. */
  writable(span: Span): Buffer {
    return this.borrow(span) as Buffer;
  }

  #check(at: number, size: number): void {
    const buffer = this.#memory?.buffer;
    if (buffer !== undefined && buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#bytes = Buffer.from(buffer);
      this.#view = new DataView(buffer);
    }
    if (!(at >= 0 && at + size <= this.#bytes.length)) throw invalidAccess();
  }
}
