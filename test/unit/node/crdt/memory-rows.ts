/** Rows in memory, with a count of reads and writes: what the pure rooms are tested on. */
import type { Rows } from "@shoal/node/crdt/contract.ts";

export interface MemoryRows extends Rows {
  reads: number;
  writes: number;
  entries(): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;
  copy(): MemoryRows;
}

const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");

export function memoryRows(content = new Map<string, Uint8Array>()): MemoryRows {
  return {
    reads: 0,
    writes: 0,
    get(key) {
      this.reads += 1;
      return content.get(text(key));
    },
    set(key, value) {
      this.writes += 1;
      content.set(text(key), value);
    },
    remove(key) {
      this.writes += 1;
      content.delete(text(key));
    },
    *entries() {
      for (const key of [...content.keys()].sort()) yield [Buffer.from(key, "latin1"), content.get(key)!] as const;
    },
    copy: () => memoryRows(new Map(content)),
  };
}
