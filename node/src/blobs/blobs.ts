/**
 * Blobs: content by its hash, in chunk files, with manifest and references in the store. Who refers says so in its own batch
 * (`addReference`, `removeReference` of `manifest.ts`), so that a reference and what refers are there together or not at all.
 */
import { mkdir } from "node:fs/promises";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BlobInfo, Blobs } from "../clients/node-client.ts";
import { type BlobId, bytesOf, idOf } from "../model/ids.ts";
import { type FreeBytes, freeBytesOf } from "../storage/disk-room.ts";
import { prefixRange } from "../storage/keys.ts";
import type { Row, Store } from "../storage/store.ts";
import { chunkName } from "./chunk.ts";
import { readChunk } from "./chunk-files.ts";
import { type Collected, type CollectOptions, Collector } from "./collector.ts";
import { Holds } from "./holds.ts";
import {
  addReference,
  blobOfKey,
  decodeManifest,
  type Manifest,
  manifestKey,
  manifestPrefix,
  manifestRows,
  ownerOfKey,
  referencePrefix,
  removeReference,
} from "./manifest.ts";
import { upload, UPLOAD_MAX_BYTES, type Uploaded } from "./upload.ts";

/** The reference of a blob that somebody uploaded. */
const UPLOAD_OWNER = "upload";

/** References that are looked at before one refuses the deletion. */
const OWNERS_SHOWN = 8;

export interface BlobStoreOptions {
  /** Of the chunk files; made where it is missing. */
  readonly directory: string;
  readonly store: Store;
  readonly clock: Clock;
  /** For tests of a full disk. */
  readonly freeBytes?: FreeBytes;
}

interface AddOptions {
  readonly expected?: string;
  readonly limit?: number;
  /** Rows that are applied together with the blob's own, such as a reference; without them the reference is `upload`. */
  readonly rows?: (blob: Uint8Array) => readonly Row[];
}

export class BlobStore implements Blobs {
  readonly #options: BlobStoreOptions;
  readonly #chunkHolds = new Holds();
  readonly #blobHolds = new Holds();
  readonly #collector: Collector;

  private constructor(options: BlobStoreOptions) {
    this.#options = options;
    this.#collector = new Collector({ ...options, chunkHolds: this.#chunkHolds, blobHolds: this.#blobHolds });
  }

  static async open(options: BlobStoreOptions): Promise<BlobStore> {
    await mkdir(options.directory, { recursive: true });
    return new BlobStore(options);
  }

  /** Resolves when content, manifest and reference are on disk. Throws as `upload` does. */
  async add(content: AsyncIterable<Uint8Array>, options: AddOptions = {}): Promise<BlobInfo> {
    using added = await this.addPinned(content, options);
    return { blobId: added.blobId, size: added.size };
  }

  /** The same, pinned until it is disposed of: for who adds content first and refers to it later. */
  async addPinned(content: AsyncIterable<Uint8Array>, options: AddOptions = {}): Promise<BlobInfo & Disposable> {
    using uploaded = await this.#upload(content, options);
    const { blob, manifest } = uploaded;
    using pins = new DisposableStack();
    pins.use(await this.pin(idOf(blob)));
    const rows = options.rows?.(blob) ?? addReference(blob, UPLOAD_OWNER);
    await Promise.all([
      this.#options.store.apply([...manifestRows(blob, manifest), ...rows]),
      this.#options.store.durable(),
    ]);
    const kept = pins.move();
    return { blobId: idOf(blob), size: manifest.size, [Symbol.dispose]: () => kept.dispose() };
  }

  async info(id: BlobId): Promise<BlobInfo | undefined> {
    const manifest = this.#manifest(bytesOf(id));
    return manifest === undefined ? undefined : { blobId: id, size: manifest.size };
  }

  /** `internal` while it is read where a chunk is damaged or gone. */
  read(id: BlobId): AsyncIterable<Uint8Array> | undefined {
    const manifest = this.#manifest(bytesOf(id));
    return manifest === undefined ? undefined : this.#read(manifest);
  }

  async list(): Promise<readonly BlobInfo[]> {
    const found: BlobInfo[] = [];
    for await (const [key, value] of this.#options.store.scan("blobs", prefixRange(manifestPrefix))) {
      found.push({ blobId: idOf(blobOfKey(key)), size: decodeManifest(value).size });
    }
    return found;
  }

  async delete(id: BlobId): Promise<boolean> {
    const blob = bytesOf(id);
    if (this.#manifest(blob) === undefined) return false;
    const others = (await this.owners(id)).filter((owner) => owner !== UPLOAD_OWNER);
    if (others.length > 0) {
      throw new ShoalError("conflict", `blob ${id} is in use by ${others.join(", ")}`, { field: "blob_id" });
    }
    await Promise.all([this.#options.store.apply(removeReference(blob, UPLOAD_OWNER)), this.#options.store.durable()]);
    await this.#collector.settled(blob);
    await this.#collector.collectBlob(blob);
    return true;
  }

  /** Who refers to the blob, some of them. */
  async owners(id: BlobId): Promise<readonly string[]> {
    const owners: string[] = [];
    const range = { ...prefixRange(referencePrefix(bytesOf(id))), limit: OWNERS_SHOWN };
    for await (const [key] of this.#options.store.scan("blobs", range)) owners.push(ownerOfKey(key));
    return owners;
  }

  /**
   * Keeps a blob from the collector until disposed of: taken before looking whether the blob is there, and held until the
   * rows that refer to it are applied.
   */
  async pin(id: BlobId): Promise<Disposable> {
    const blob = bytesOf(id);
    // In this order: no collection begins any more, and one that had begun is over.
    const held = this.#blobHolds.hold(chunkName(blob));
    await this.#collector.settled(blob);
    return held;
  }

  /**
   * Looks at up to `limit` candidates and files, and removes what nothing refers to; with `dryRun` it only counts. `more`
   * until a whole pass is done, after which the next call begins another.
   */
  collectUnreferenced(options: CollectOptions): Promise<Collected> {
    return this.#collector.collect(options);
  }

  #upload(content: AsyncIterable<Uint8Array>, { expected, limit = UPLOAD_MAX_BYTES }: AddOptions): Promise<Uploaded> {
    const { directory, clock, freeBytes = freeBytesOf } = this.#options;
    return upload(content, { directory, ports: { clock, freeBytes }, chunkHolds: this.#chunkHolds, limit, expected });
  }

  #manifest(blob: Uint8Array): Manifest | undefined {
    const value = this.#options.store.get("blobs", manifestKey(blob));
    return value === undefined ? undefined : decodeManifest(value);
  }

  async *#read({ chunks }: Manifest): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await readChunk(this.#options.directory, chunk);
  }
}
