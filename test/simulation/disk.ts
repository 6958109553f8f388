/**
 * A node's disk: rows that outlive its process if they were synced, and by chance if they were not. Batches reach the disk
 * whole and in order, as they do in the log of a real store, so what is lost in a crash is a tail of them.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { createMemoryStore, type MemoryStore } from "@shoal/node/storage/memory-store.ts";
import type { Row, Store } from "@shoal/node/storage/store.ts";
import type { Life } from "./node-clock.ts";
import type { World } from "./world.ts";

export interface Disk {
  /** The store of a new process, on what is there. */
  open(life: Life): Store;
  /** The process dies: what was not synced is lost from some batch on. Returns how many batches were lost. */
  crash(): number;
  /** Writes are refused while it is full. */
  full: boolean;
  /** What the present process reads, or the last one read. */
  readonly rows: MemoryStore;
  /** Batches that the present process has applied since this was last asked. */
  takeApplied(): readonly (readonly Row[])[];
}

export interface DiskSpeed {
  /** Upper bounds of what a batch and a sync take, milliseconds; 0: no time at all. */
  readonly writeMs: number;
  readonly syncMs: number;
}

/** Of writes that a full disk refuses, how many are there all the same if the process ends before another one succeeds. */
const HALF_WAY = 0.3;

/** Of syncs of what a disk took before it was full, how many are refused. */
const UNSYNCED = 0.5;

export function createDisk(world: World, random: Random, speed: DiskSpeed): Disk {
  let synced = createMemoryStore();
  let live = synced.copy();
  /** Batches that `live` has and `synced` has not. */
  let unsynced: (readonly Row[])[] = [];
  /** Batches that `synced` has. */
  let covered = 0;
  /** Refused, and yet in the log: the next process finds them, unless this one takes them back. */
  let inDoubt: (readonly Row[])[] = [];

  const applied: (readonly Row[])[] = [];

  const take = async (life: Life, maxMs: number, what: string): Promise<void> => {
    if (maxMs === 0) return;
    await new Promise<void>((resolve) => {
      world.after(random.next() * maxMs, `${life.name} ${what}`, () => void (life.alive && resolve()));
    });
  };
  const sync = async (life: Life): Promise<void> => {
    const point = live.copy();
    const upTo = covered + unsynced.length;
    await take(life, speed.syncMs, "syncs");
    // One that began later may have been quicker.
    if (upTo <= covered) return;
    synced = point;
    unsynced = unsynced.slice(upTo - covered);
    covered = upTo;
  };

  const disk: Disk = {
    full: false,
    get rows() {
      return live;
    },
    takeApplied: () => applied.splice(0),
    crash() {
      const tail = [...unsynced, ...inDoubt];
      const kept = Math.floor(random.next() * (tail.length + 1));
      for (const rows of tail.slice(0, kept)) synced.applyNow(rows);
      live = synced.copy();
      unsynced = [];
      inDoubt = [];
      applied.length = 0;
      return tail.length - kept;
    },
    open(life) {
      const store = live;
      let line: Promise<void> = Promise.resolve();
      let isClosed = false;
      const requireOpen = (): void => {
        if (isClosed) throw new ShoalError("unavailable", "the store is closed");
      };
      const write = async (rows: readonly Row[]): Promise<void> => {
        await take(life, speed.writeMs, "writes");
        if (disk.full) {
          if (random.next() < HALF_WAY) inDoubt.push(rows);
          throw new ShoalError("unavailable", "the disk is full", { retryAfterSeconds: 1 });
        }
        inDoubt = [];
        store.applyNow(rows);
        applied.push(rows);
        unsynced.push(rows);
      };
      return {
        get: (column, key) => store.get(column, key),
        scan: (column, range) => store.scan(column, range),
        snapshot: () => store.snapshot(),
        async apply(rows) {
          requireOpen();
          const own = rows.map(({ column, key, value }) => ({ column, key: key.slice(), value: value?.slice() }));
          const done = line.then(() => write(own));
          line = done.catch(() => undefined);
          await done;
        },
        async durable() {
          requireOpen();
          await line;
          if (disk.full && unsynced.length > 0 && random.next() < UNSYNCED) {
            throw new ShoalError("unavailable", "the disk is full", { retryAfterSeconds: 1 });
          }
          await sync(life);
        },
        async close() {
          requireOpen();
          isClosed = true;
          await line;
          await sync(life);
        },
      };
    },
  };
  return disk;
}
