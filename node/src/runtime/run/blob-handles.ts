/**
 * The blobs that a run has open, by number, and those it made. What it made becomes a blob with the run's rows; until then
 * its chunks lie on disk and belong to nobody.
 */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { addReference, manifestKey, referenceKey } from "../../blobs/manifest.ts";
import { BlobReader, BlobWriter, openBlob, type WrittenBlob } from "../../blobs/worker-blobs.ts";
import { type ContextId, idOf } from "../../model/ids.ts";
import type { Reader, Row } from "../../storage/store.ts";
import type { VmLimits } from "../limits.ts";
import { HostTrap } from "./trap.ts";

/** Where blobs lie, and what tells which of them this node holds. */
export interface BlobPorts {
  readonly directory: string;
  readonly clock: Clock;
}

interface Reading {
  readonly blob: Uint8Array;
  /** Opened by the first read: asking for a blob that is not here is an error only then. */
  reader?: BlobReader;
}

export class BlobHandles {
  readonly #ports: BlobPorts;
  readonly #reader: Reader;
  readonly #limits: VmLimits;
  /** Whose reference keeps what this run makes. */
  readonly #owner: string;
  readonly #open = new Map<bigint, BlobWriter | Reading>();
  readonly #made = new Map<string, WrittenBlob>();
  readonly #announced = new Map<string, Uint8Array>();
  readonly #context: Uint8Array;
  #next = 1n;
  #written = 0;

  constructor(ports: BlobPorts, reader: Reader, limits: VmLimits, context: Uint8Array) {
    this.#ports = ports;
    this.#reader = reader;
    this.#limits = limits;
    this.#context = context;
    this.#owner = `context:${idOf<ContextId>(context)}`;
  }

  create(): bigint {
    return this.#keep(new BlobWriter(this.#ports.directory, this.#ports.clock));
  }

  open(blob: Uint8Array): bigint {
    return this.#keep({ blob });
  }

  write(fd: bigint, bytes: Uint8Array): void {
    const writer = this.#open.get(fd);
    if (!(writer instanceof BlobWriter)) throw invalidHandle();
    this.#written += bytes.length;
    const max = this.#limits.maxBlobBytes;
    if (this.#written > max) {
      throw new HostTrap("TotalBlobMemoryExceeded", `${this.#written} bytes of blobs in one run (max: ${max})`);
    }
    writer.write(bytes);
  }

  /** Bytes that were read; 0 at the end. */
  read(fd: bigint, into: Uint8Array): number {
    const reading = this.#open.get(fd);
    if (reading === undefined || reading instanceof BlobWriter) throw invalidHandle();
    reading.reader ??= this.#openReader(reading.blob);
    return reading.reader.read(into);
  }

  /** The blob's id. */
  close(fd: bigint): Uint8Array {
    const handle = this.#open.get(fd);
    if (handle === undefined) throw invalidHandle();
    this.#open.delete(fd);
    if (!(handle instanceof BlobWriter)) return handle.blob;
    const made = handle.close(this.#owner);
    this.#made.set(nameOf(made.blob), made);
    return made.blob;
  }

  /** Shares a blob that this node holds, or will with this run's rows, in the run's own context; false for any other. */
  announce(blob: Uint8Array, context: Uint8Array): boolean {
    if (Buffer.compare(context, this.#context) !== 0) return false;
    if (this.#made.has(nameOf(blob))) return true;
    if (this.#reader.get("blobs", manifestKey(blob)) === undefined) return false;
    if (this.#reader.get("blobs", referenceKey(blob, this.#owner)) === undefined)
      this.#announced.set(nameOf(blob), blob);
    return true;
  }

  get changed(): boolean {
    return this.#made.size + this.#announced.size > 0;
  }

  rows(): Row[] {
    const shared = [...this.#announced.values()].flatMap((blob) => addReference(blob, this.#owner));
    return [...[...this.#made.values()].flatMap(({ rows }) => rows), ...shared];
  }

  #openReader(blob: Uint8Array): BlobReader {
    const made = this.#made.get(nameOf(blob));
    if (made !== undefined) return new BlobReader(this.#ports.directory, made.manifest);
    const found = openBlob(this.#ports.directory, this.#reader, blob);
    if (found === undefined) throw new HostTrap("BlobNotFound", "this node does not hold the blob");
    return found;
  }

  #keep(handle: BlobWriter | Reading): bigint {
    const max = this.#limits.maxBlobHandles;
    if (this.#open.size >= max) throw new HostTrap("TooManyBlobHandles", `too many blob handles (max: ${max})`);
    const fd = this.#next;
    this.#next += 1n;
    this.#open.set(fd, handle);
    return fd;
  }
}

function nameOf(blob: Uint8Array): string {
  return Buffer.from(blob).toString("hex");
}

function invalidHandle(): HostTrap {
  return new HostTrap("InvalidBlobHandle", "invalid blob handle");
}
