/**
 * Ops that arrived before their parents, or before their time. Bodies are on disk, in memory is who waits for whom. The room
 * is bounded: beyond that the oldest leave, since reconciliation brings them again when their parents are here.
 */
import type { GroupId, Hash } from "../model/ids.ts";
import { u64Key } from "../storage/keys.ts";
import type { Reader, Row } from "../storage/store.ts";
import { groupInKey, idKey, PREFIX, prefixOf } from "./keys.ts";
import { opOf } from "./log-rows.ts";
import type { LoggedOp } from "./rules/op.ts";

/** Of one namespace. */
export const WAITING_LIMITS = { ops: 10_000, bytes: 64 * 1024 * 1024 } as const;

/** An op as it arrived. */
export interface Arrived extends LoggedOp {
  readonly bytes: Uint8Array;
}

interface Waiter {
  readonly sequence: number;
  readonly size: number;
  readonly parents: readonly Hash[];
  readonly atMs: number;
}

/** Which ops come into the room and which leave it, for the log or because the room is full. */
export interface RoomChange {
  readonly enter: readonly Arrived[];
  readonly leave: readonly Hash[];
  /** How many leave, or do not come in at all, because there is no room for them. */
  readonly dropped?: number;
}

export class WaitingRoom {
  readonly #namespaceId: GroupId;
  readonly #limits: { readonly ops: number; readonly bytes: number };
  /** The oldest first. */
  readonly #waiters = new Map<Hash, Waiter>();
  readonly #children = new Map<Hash, Set<Hash>>();
  #bytes = 0;
  #next = 0;
  #dropped = 0;

  constructor(namespaceId: GroupId, limits: { readonly ops: number; readonly bytes: number } = WAITING_LIMITS) {
    this.#namespaceId = namespaceId;
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Ops that had to leave because the room was full. */
  get dropped(): number {
    return this.#dropped;
  }

  has(hash: Hash): boolean {
    return this.#waiters.has(hash);
  }

  waitingFor(parent: Hash): Iterable<Hash> {
    return this.#children.get(parent) ?? [];
  }

  /** Those that nobody but the clock keeps, or kept: they say that they were made between the two moments. */
  *madeBetween(fromMs: number, toMs: number): Generator<Hash> {
    for (const [hash, { atMs }] of this.#waiters) if (atMs > fromMs && atMs <= toMs) yield hash;
  }

  /** Parents that are wanted and do not wait here themselves. */
  *wanted(): Generator<Hash> {
    for (const parent of this.#children.keys()) if (!this.#waiters.has(parent)) yield parent;
  }

  read(store: Reader, hash: Hash): Arrived | undefined {
    const value = store.get("group", idKey(PREFIX.waiting, this.#namespaceId, hash));
    if (value === undefined) return undefined;
    const bytes = value.subarray(8);
    return { ...opOf(bytes), bytes };
  }

  /** `leave` grows by the oldest where the room would be too full. */
  plan({ enter, leave }: RoomChange): RoomChange {
    const gone = new Set(leave);
    let ops = this.#waiters.size + enter.length;
    let bytes = this.#bytes + enter.reduce((sum, each) => sum + each.bytes.length, 0);
    for (const hash of gone) {
      const waiter = this.#waiters.get(hash);
      if (waiter === undefined) continue;
      ops -= 1;
      bytes -= waiter.size;
    }
    const isFull = (): boolean => ops > this.#limits.ops || bytes > this.#limits.bytes;
    for (const [hash, { size }] of this.#waiters) {
      if (!isFull()) break;
      if (gone.has(hash)) continue;
      gone.add(hash);
      ops -= 1;
      bytes -= size;
    }
    let from = 0;
    for (; isFull() && from < enter.length; from++) {
      ops -= 1;
      bytes -= enter[from]?.bytes.length ?? 0;
    }
    return { enter: enter.slice(from), leave: [...gone], dropped: gone.size - leave.length + from };
  }

  rows({ enter, leave }: RoomChange): readonly Row[] {
    const key = (hash: Hash): Uint8Array => idKey(PREFIX.waiting, this.#namespaceId, hash);
    return [
      ...leave.map((hash): Row => ({ column: "group", key: key(hash), value: undefined })),
      ...enter.map(({ hash, bytes }, at): Row => {
        const value = new Uint8Array(8 + bytes.length);
        value.set(u64Key(BigInt(this.#next + at)));
        value.set(bytes, 8);
        return { column: "group", key: key(hash), value };
      }),
    ];
  }

  /** Memory follows the rows. */
  move({ enter, leave, dropped = 0 }: RoomChange): void {
    this.#dropped += dropped;
    for (const hash of leave) this.#remove(hash);
    for (const each of enter) this.#add(each, this.#next++, each.bytes.length);
  }

  /** An op that was on disk. */
  restore(logged: LoggedOp, sequence: number, size: number): void {
    this.#add(logged, sequence, size);
    this.#next = Math.max(this.#next, sequence + 1);
  }

  #add({ hash, op }: LoggedOp, sequence: number, size: number): void {
    this.#waiters.set(hash, { sequence, size, parents: op.parents, atMs: op.atMs });
    this.#bytes += size;
    for (const parent of op.parents) {
      const children = this.#children.get(parent) ?? new Set();
      this.#children.set(parent, children.add(hash));
    }
  }

  #remove(hash: Hash): void {
    const waiter = this.#waiters.get(hash);
    if (waiter === undefined) return;
    this.#waiters.delete(hash);
    this.#bytes -= waiter.size;
    for (const parent of waiter.parents) {
      const children = this.#children.get(parent);
      children?.delete(hash);
      if (children?.size === 0) this.#children.delete(parent);
    }
  }
}

/** Fills the room of each namespace from disk. */
export async function restoreRooms(store: Reader, roomOf: (namespaceId: GroupId) => WaitingRoom): Promise<void> {
  const found: { namespaceId: GroupId; sequence: number; size: number; logged: LoggedOp }[] = [];
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.waiting))) {
    const sequence = Number(new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0));
    const logged = opOf(value.subarray(8));
    found.push({ namespaceId: groupInKey(key), sequence, size: value.length - 8, logged });
  }
  found.sort((a, b) => a.sequence - b.sequence);
  for (const { namespaceId, sequence, size, logged } of found) roomOf(namespaceId).restore(logged, sequence, size);
}
