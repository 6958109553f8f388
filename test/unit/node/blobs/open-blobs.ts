/** A store with blobs in a directory, for the tests of this folder. */
import { join } from "node:path";
import { BlobStore, type BlobStoreOptions } from "@shoal/node/blobs/blobs.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

export interface OpenBlobs {
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Of the chunk files. */
  readonly directory: string;
}

export async function openBlobs(path: string, more: Partial<BlobStoreOptions> = {}): Promise<OpenBlobs> {
  const directory = join(path, "blobs");
  const store = await openStore({ path: join(path, "store"), log: silentLog });
  return { store, directory, blobs: await BlobStore.open({ directory, store, clock: systemClock, ...more }) };
}

export async function* pieces(...content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of content) yield piece;
}

export async function contentOf(read: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of read ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}
