/**
 * Blobs: content by its hash, in chunk files, with manifest and references in the store. Who refers says so in its own batch
 * (`addReference`, `removeReference` of `manifest.ts`), so that a reference and what refers are there together or not at all.
 */
import { mkdir } from "node:fs/promises";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BlobInfo, Blobs } from "../clients/node-client.ts";
import { type BlobId, bytesOf, type ContextId, idOf } from "../model/ids.ts";
import { type FreeBytes, freeBytesOf } from "../storage/disk-room.ts";
import { prefixRange } from "../storage/keys.ts";
import type { Row, Store } from "../storage/store.ts";
import { chunkName } from "./chunk.ts";
import { readChunk } from "./chunk-files.ts";
import { type Collected, type CollectOptions, Collector } from "./collector.ts";
import { Holds } from "./holds.ts";
import { Incoming } from "./incoming.ts";
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
  referenceKey,
  removeReference,
} from "./manifest.ts";
import { upload, UPLOAD_MAX_BYTES, type Uploaded } from "./upload.ts";

/** The reference of a blob that somebody uploaded. */
const UPLOAD_OWNER = "upload";
/** Before the context's id: who uploaded or fetched a blob for a context lets its members have it. */
const SHARED_OWNER = "shared:";

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
  /** A context whose members may have it. */
  readonly sharedIn?: ContextId;
}

const sharedOwner = (contextId: ContextId): string => `${SHARED_OWNER}${contextId}`;

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
    const shared = options.sharedIn === undefined ? [] : addReference(uploaded.blob, sharedOwner(options.sharedIn));
    return await this.#keep(uploaded, [
      ...(options.rows?.(uploaded.blob) ?? addReference(uploaded.blob, UPLOAD_OWNER)),
      ...shared,
    ]);
  }

  /**
   * A blob that comes by its chunks, whose ids hash to its own; `keep` makes it a blob of this node's, without a reference, and
   * pinned.
   */
  async incoming(
    id: BlobId,
    chunks: readonly Uint8Array[],
  ): Promise<{ readonly content: Incoming; keep(): Promise<BlobInfo & Disposable> }> {
    const { directory, clock, freeBytes = freeBytesOf } = this.#options;
    const ports = { clock, freeBytes };
    const content = await Incoming.open({ directory, ports, chunkHolds: this.#chunkHolds, blob: bytesOf(id), chunks });
    const keep = async (): Promise<BlobInfo & Disposable> => {
      using whole = await content.finish();
      return await this.#keep(whole, []);
    };
    return { content, keep };
  }

  /** Size and ids of the chunks; undefined where this node does not hold it. */
  manifest(id: BlobId): Manifest | undefined {
    return this.#manifest(bytesOf(id));
  }

  /** One chunk of a blob that is pinned, verified; throws `internal` where it is damaged or gone. */
  chunk(id: Uint8Array): Promise<Uint8Array> {
    return readChunk(this.#options.directory, id);
  }

  /** Lets members of the context have a blob that is pinned, and keeps it while the context is here. */
  async share(id: BlobId, contextId: ContextId): Promise<void> {
    if (this.isShared(id, contextId)) return;
    const rows = addReference(bytesOf(id), sharedOwner(contextId));
    await Promise.all([this.#options.store.apply(rows), this.#options.store.durable()]);
  }

  /** Whether it was uploaded, fetched, announced or made in the context. */
  isShared(id: BlobId, contextId: ContextId): boolean {
    const refers = (owner: string): boolean =>
      this.#options.store.get("blobs", referenceKey(bytesOf(id), owner)) !== undefined;
    return refers(sharedOwner(contextId)) || refers(`context:${contextId}`);
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
    const own: string[] = [UPLOAD_OWNER];
    const others: string[] = [];
    for await (const owner of this.#owners(blob)) {
      if (owner.startsWith(SHARED_OWNER)) own.push(owner);
      else if (owner !== UPLOAD_OWNER) others.push(owner);
      if (others.length >= OWNERS_SHOWN) break;
    }
    if (others.length > 0) {
      throw new ShoalError("conflict", `blob ${id} is in use by ${others.join(", ")}`, { field: "blob_id" });
    }
    const rows = own.flatMap((owner) => removeReference(blob, owner));
    await Promise.all([this.#options.store.apply(rows), this.#options.store.durable()]);
    await this.#collector.settled(blob);
    await this.#collector.collectBlob(blob);
    return true;
  }

  /** Who refers to the blob, some of them. */
  async owners(id: BlobId): Promise<readonly string[]> {
    const owners: string[] = [];
    for await (const owner of this.#owners(bytesOf(id), OWNERS_SHOWN)) owners.push(owner);
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

  async #keep({ blob, manifest }: Uploaded, rows: readonly Row[]): Promise<BlobInfo & Disposable> {
    using pins = new DisposableStack();
    pins.use(await this.pin(idOf(blob)));
    await Promise.all([
      this.#options.store.apply([...manifestRows(blob, manifest), ...rows]),
      this.#options.store.durable(),
    ]);
    const kept = pins.move();
    return { blobId: idOf(blob), size: manifest.size, [Symbol.dispose]: () => kept.dispose() };
  }

  async *#owners(blob: Uint8Array, limit?: number): AsyncGenerator<string> {
    const range = { ...prefixRange(referencePrefix(blob)), ...(limit === undefined ? {} : { limit }) };
    for await (const [key] of this.#options.store.scan("blobs", range)) yield ownerOfKey(key);
  }

  #manifest(blob: Uint8Array): Manifest | undefined {
    const value = this.#options.store.get("blobs", manifestKey(blob));
    return value === undefined ? undefined : decodeManifest(value);
  }

  async *#read({ chunks }: Manifest): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await readChunk(this.#options.directory, chunk);
  }
}
