/**
 * An append-only log in segments, with group commit: whatever is appended while one write is under way goes into the next,
 * and one `fdatasync` covers all of it. Writes are positional, so one that failed half-way (a full disk) is simply done
 * again. A sync that failed cannot be: the kernel may have dropped what it could not write, so the log is `broken`.
 */
import { closeSync, fsyncSync, openSync, unlinkSync } from "node:fs";
import { fdatasync, writev } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

/** Returns once what was written to the file is on the disk itself. */
export type Sync = (fd: number) => Promise<void>;

export const syncData: Sync = promisify(fdatasync);
const writeAll = promisify(writev);

/** Between two tries at a disk that is full. */
const RETRY = milliseconds(500);

export interface Segment {
  readonly id: number;
  readonly path: string;
  /** -1 until its first write. */
  fd: number;
  /** Bytes appended, some of which may still wait to be written. */
  size: number;
  /** Whether a record of the topology was appended to it. */
  topology: boolean;
}

/** Where a record is. */
export interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly length: number;
}

interface Piece {
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: Buffer;
}

export const segmentPath = (folder: string, id: number): string => join(folder, `${String(id).padStart(10, "0")}.log`);

export interface LogOptions {
  readonly folder: string;
  readonly segmentBytes: number;
  readonly clock: Clock;
  readonly sync: Sync;
  /** Oldest first; the last one is appended to. */
  readonly segments: readonly Segment[];
  /** Called before each write, for records that are gathered until then. */
  readonly beforeWrite: () => void;
  /** Everything with this ticket or a lower one is on disk. */
  readonly onWritten: (ticket: number) => void;
  /** A write failed and is tried again (`undefined`: it succeeded). */
  readonly onTrouble: (cause: unknown) => void;
  /** A sync failed: nothing can be promised any more. */
  readonly onBroken: (cause: unknown) => void;
}

export class Log {
  readonly segments: Segment[];
  /** Bytes that were appended and not yet written. */
  unwritten = 0;
  /** Bytes of all segments. */
  total = 0;
  /** What is appended now is on disk once `onWritten` names this ticket. */
  ticket = 1;
  /** The highest ticket that is on disk. */
  written = 0;
  readonly #options: LogOptions;
  #pending: Piece[] = [];
  #mustSync = false;
  #writing: Promise<void> | undefined;
  /** Something came since the last look. */
  #again = false;
  #closed = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.segments = [...options.segments];
    for (const segment of this.segments) this.total += segment.size;
    if (this.segments.length === 0) this.#begin(1);
  }

  get active(): Segment {
    return this.segments.at(-1) as Segment;
  }

  /** The ticket of what was appended last. */
  get lastTicket(): number {
    return this.#pending.length > 0 ? this.ticket : this.ticket - 1;
  }

  #begin(id: number): void {
    this.segments.push({ id, path: segmentPath(this.#options.folder, id), fd: -1, size: 0, topology: false });
  }

  /** `durable`: somebody waits for it to be on disk, so the write that takes it is synced. */
  append(bytes: Buffer, durable: boolean): Place {
    if (this.active.size > 0 && this.active.size + bytes.length > this.#options.segmentBytes)
      this.#begin(this.active.id + 1);
    const segment = this.active;
    const place = { segment, offset: segment.size, length: bytes.length };
    segment.size += bytes.length;
    this.total += bytes.length;
    this.unwritten += bytes.length;
    this.#pending.push({ segment, offset: place.offset, bytes });
    this.#mustSync ||= durable;
    this.wake();
    return place;
  }

  /** Begins to write in the next turn of the event loop, so that what comes in this one goes along. */
  wake(): void {
    this.#again = true;
    if (this.#writing !== undefined || this.#closed) return;
    this.#writing = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#drain())
      .catch((thrown: unknown) => this.#fail(thrown))
      .finally(() => {
        this.#writing = undefined;
        if (this.#again) this.wake();
      });
  }

  #fail(cause: unknown): void {
    this.#closed = true;
    this.#options.onBroken(cause);
  }

  async #drain(): Promise<void> {
    for (;;) {
      this.#again = false;
      this.#options.beforeWrite();
      if (this.#pending.length === 0) return;
      const [pieces, durable, ticket] = [this.#pending, this.#mustSync, this.ticket];
      this.#pending = [];
      this.#mustSync = false;
      this.ticket += 1;
      for (let from = 0; from < pieces.length;) {
        const segment = (pieces[from] as Piece).segment;
        let to = from;
        while (to < pieces.length && pieces[to]?.segment === segment) to += 1;
        await this.#write(segment, pieces.slice(from, to));
        // A segment that is left behind is synced in any case: only the last one may have a torn end.
        if (durable || segment !== this.active) await this.#options.sync(segment.fd);
        from = to;
      }
      this.written = ticket;
      this.#options.onWritten(ticket);
    }
  }

  async #write(segment: Segment, pieces: readonly Piece[]): Promise<void> {
    const offset = (pieces[0] as Piece).offset;
    let left = pieces.map((piece) => piece.bytes);
    const size = left.reduce((sum, bytes) => sum + bytes.length, 0);
    for (let done = 0, failed = false; done < size;) {
      try {
        if (segment.fd === -1) this.#create(segment);
        const { bytesWritten } = await writeAll(segment.fd, left.slice(0, 512), offset + done);
        done += bytesWritten;
        left = rest(left, bytesWritten);
        if (failed) this.#options.onTrouble(undefined);
        failed = false;
      } catch (thrown) {
        if (this.#closed) throw thrown;
        failed = true;
        this.#options.onTrouble(thrown);
        await this.#options.clock.sleep(RETRY);
      }
    }
    this.unwritten -= size;
  }

  #create(segment: Segment): void {
    segment.fd = openSync(segment.path, "w+", 0o600);
    const folder = openSync(this.#options.folder, "r");
    fsyncSync(folder);
    closeSync(folder);
  }

  /** Removes the oldest segment, whose records are all worthless or copied by now. */
  dropOldest(): void {
    const [oldest] = this.segments;
    if (oldest === undefined || oldest === this.active) return;
    this.segments.shift();
    this.total -= oldest.size;
    if (oldest.fd !== -1) closeSync(oldest.fd);
    unlinkSync(oldest.path);
  }

  async close(): Promise<void> {
    this.wake();
    while (this.#writing !== undefined) await this.#writing;
    this.#closed = true;
    for (const segment of this.segments) if (segment.fd !== -1) closeSync(segment.fd);
  }
}

/** What is left of the buffers after so many bytes of them. */
function rest(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let index = 0;
  let over = bytes;
  while (index < buffers.length && over >= (buffers[index] as Buffer).length)
    over -= (buffers[index++] as Buffer).length;
  const left = buffers.slice(index);
  if (over > 0) left[0] = (left[0] as Buffer).subarray(over);
  return left;
}
