/**
 * One blob on its way in, from several peers at once: which chunks nobody has been asked for, which are on their way, and
 * what a peer that failed leaves to be asked again.
 */
import type { BlobId } from "../../model/ids.ts";
import type { BlobInfo } from "../../clients/node-client.ts";
import type { BlobStore } from "../blobs.ts";
import type { Incoming } from "../incoming.ts";
import { BATCH_CHUNKS, type SharedManifest } from "./wire.ts";

export class Transfer implements Disposable {
  readonly #content: Incoming;
  readonly #keep: () => Promise<BlobInfo & Disposable>;
  #wanted: number[];
  readonly #asked = new Set<number>();
  readonly #waiting: (() => void)[] = [];

  static async open(
    blobs: Pick<BlobStore, "incoming">,
    blobId: BlobId,
    { chunks }: Pick<SharedManifest, "chunks">,
  ): Promise<Transfer> {
    const incoming = await blobs.incoming(blobId, chunks);
    return new Transfer(incoming.content, () => incoming.keep());
  }

  private constructor(content: Incoming, keep: () => Promise<BlobInfo & Disposable>) {
    this.#content = content;
    this.#keep = keep;
    this.#wanted = [...content.missing()];
  }

  get isWhole(): boolean {
    return this.#wanted.length === 0 && this.#asked.size === 0;
  }

  /** Chunks to ask a peer for; waits while all are on their way from others. Empty when the blob is whole. */
  async take(): Promise<readonly number[]> {
    while (this.#wanted.length === 0 && this.#asked.size > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const batch = this.#wanted.splice(0, BATCH_CHUNKS);
    for (const at of batch) this.#asked.add(at);
    return batch;
  }

  /** Rejects as `Incoming.put` does. */
  async put(at: number, bytes: Uint8Array): Promise<void> {
    await this.#content.put(at, bytes);
    this.#asked.delete(at);
    if (this.isWhole) this.#wake();
  }

  /** What did not come of a batch is asked of somebody else. */
  giveBack(batch: readonly number[]): void {
    const left = batch.filter((at) => this.#asked.delete(at));
    this.#wanted = [...left, ...this.#wanted];
    this.#wake();
  }

  /** Makes it a blob of this node's, pinned. */
  finish(): Promise<BlobInfo & Disposable> {
    return this.#keep();
  }

  [Symbol.dispose](): void {
    this.#content[Symbol.dispose]();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
