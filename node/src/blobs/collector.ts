/**
 * Removes content that nothing refers to, a bounded step at a time. Two races are closed: a blob that somebody pins is not
 * forgotten while it is pinned, and a chunk file goes only if no row names it, no upload holds it, and it is old; a worker
 * that writes the same chunk touches the file, and the collector looks again after it has moved the file aside.
 */
import { existsSync, renameSync, statSync, unlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { keyOf, prefixRange } from "../storage/keys.ts";
import type { Reader, Store } from "../storage/store.ts";
import { chunkName, chunkPath, UNFINISHED } from "./chunk.ts";
import type { Holds } from "./holds.ts";
import {
  blobOfKey,
  candidatePrefix,
  chunkPrefix,
  clearCandidate,
  decodeManifest,
  forgetRows,
  manifestKey,
  manifestRows,
  referencePrefix,
} from "./manifest.ts";

/** Younger files may belong to a run whose rows are not applied yet; no run lasts as long. */
export const FILE_GRACE = minutes(10);

/** Candidates that are read from the store at a time. */
const PAGE = 64;

/** What a chunk's file is called while the collector looks once more. */
const ASIDE = ".gone";
const FILE_NAME = /^[0-9a-f]{64}$/;
const ASIDE_NAME = /^[0-9a-f]{64}\.gone$/;

export interface CollectOptions {
  /** Candidates and files to look at. */
  readonly limit: number;
  readonly dryRun: boolean;
}

export interface Collected {
  readonly blobs: number;
  readonly files: number;
  /** Of the files. */
  readonly bytes: number;
  readonly more: boolean;
}

interface CollectorParts {
  readonly directory: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly chunkHolds: Holds;
  readonly blobHolds: Holds;
}

type Step = Omit<Collected, "more">;
const NOTHING: Step = { blobs: 0, files: 0, bytes: 0 };

export class Collector {
  readonly #parts: CollectorParts;
  readonly #collecting = new Map<string, Promise<Step>>();
  #pass: AsyncGenerator<Step> | undefined;
  #passIsDry = false;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  async collect({ limit, dryRun }: CollectOptions): Promise<Collected> {
    if (this.#pass === undefined || this.#passIsDry !== dryRun) {
      this.#pass = this.#steps(dryRun);
      this.#passIsDry = dryRun;
    }
    const pass = this.#pass;
    let total = NOTHING;
    for (let looked = 0; looked < limit; looked++) {
      const step = await pass.next();
      if (step.done === true) {
        if (this.#pass === pass) this.#pass = undefined;
        return { ...total, more: false };
      }
      total = sum(total, step.value);
    }
    return { ...total, more: true };
  }

  /** Forgets the blob where nothing refers to it, and removes its old files. */
  collectBlob(blob: Uint8Array, dryRun = false): Promise<Step> {
    const name = chunkName(blob);
    const running = this.#collecting.get(name);
    if (running !== undefined) return running;
    if (this.#parts.blobHolds.has(name)) return Promise.resolve(NOTHING);
    const collecting = this.#collectBlob(blob, dryRun).finally(() => this.#collecting.delete(name));
    this.#collecting.set(name, collecting);
    return collecting;
  }

  /** Resolves when the blob is not being collected. */
  async settled(blob: Uint8Array): Promise<void> {
    for (;;) {
      const collecting = this.#collecting.get(chunkName(blob));
      if (collecting === undefined) return;
      // How it went is its caller's business.
      await collecting.catch(() => undefined);
    }
  }

  async *#steps(dryRun: boolean): AsyncGenerator<Step> {
    const range = prefixRange(candidatePrefix);
    let from: Uint8Array = candidatePrefix;
    for (;;) {
      const page: Uint8Array[] = [];
      for await (const [key] of this.#parts.store.scan("blobs", { ...range, gte: from, limit: PAGE })) page.push(key);
      for (const key of page) yield await this.collectBlob(blobOfKey(key), dryRun);
      const last = page.at(-1);
      if (last === undefined) break;
      from = keyOf(last, Uint8Array.of(0));
    }
    for (const folder of await namesIn(this.#parts.directory)) {
      for (const name of await namesIn(join(this.#parts.directory, folder))) {
        if (folder === UNFINISHED) yield this.#removeOld(join(this.#parts.directory, folder, name), dryRun);
        else if (FILE_NAME.test(name)) yield await this.#collectFile(Buffer.from(name.slice(0, 64), "hex"), dryRun);
        else if (ASIDE_NAME.test(name)) yield await this.#clearAside(Buffer.from(name.slice(0, 64), "hex"), dryRun);
      }
    }
  }

  async #collectBlob(blob: Uint8Array, dryRun: boolean): Promise<Step> {
    const { store } = this.#parts;
    const stored = store.get("blobs", manifestKey(blob));
    const manifest = stored === undefined ? undefined : decodeManifest(stored);
    if (manifest === undefined || (await this.#isReferred(blob, dryRun))) return NOTHING;
    if (dryRun) return { blobs: 1, files: manifest.chunks.length, bytes: manifest.size };
    await store.apply(forgetRows(blob, manifest));
    if (await holdsAny(store, referencePrefix(blob))) {
      // A run made the same blob in the meantime: its rows came first, and ours took some of them away.
      await store.apply(manifestRows(blob, manifest));
      return NOTHING;
    }
    // Files go when the rows are gone for good: the other way round a power cut would leave a blob without its content.
    await store.durable();
    let step: Step = { ...NOTHING, blobs: 1 };
    for (const chunk of manifest.chunks) step = sum(step, await this.#collectFile(chunk, false));
    return step;
  }

  /** Where somebody refers, the blob is a candidate no more; a reference that goes meanwhile makes it one again. */
  async #isReferred(blob: Uint8Array, dryRun: boolean): Promise<boolean> {
    const { store } = this.#parts;
    if (!(await holdsAny(store, referencePrefix(blob)))) return false;
    if (dryRun) return true;
    await store.apply([clearCandidate(blob)]);
    return holdsAny(store, referencePrefix(blob));
  }

  async #collectFile(chunk: Uint8Array, dryRun: boolean): Promise<Step> {
    if (await holdsAny(this.#parts.store, chunkPrefix(chunk))) return NOTHING;
    if (this.#parts.chunkHolds.has(chunkName(chunk))) return NOTHING;
    // From here nothing waits: no upload of this thread can take hold in between.
    const path = chunkPath(this.#parts.directory, chunk);
    const aside = path + ASIDE;
    if (dryRun) return this.#removeOld(path, true);
    if (!this.#isOld(path)) return NOTHING;
    renameSync(path, aside);
    if (this.#isOld(aside)) return this.#removeOld(aside, false);
    renameSync(aside, path);
    return NOTHING;
  }

  /** What a kill left aside: it goes back where its chunk is needed and nothing else is there. */
  async #clearAside(chunk: Uint8Array, dryRun: boolean): Promise<Step> {
    const path = chunkPath(this.#parts.directory, chunk);
    const needed = await holdsAny(this.#parts.store, chunkPrefix(chunk));
    if (!needed || existsSync(path)) return this.#removeOld(path + ASIDE, dryRun);
    if (!dryRun) renameSync(path + ASIDE, path);
    return NOTHING;
  }

  #removeOld(path: string, dryRun: boolean): Step {
    if (!this.#isOld(path)) return NOTHING;
    const bytes = statSync(path).size;
    if (!dryRun) unlinkSync(path);
    return { blobs: 0, files: 1, bytes };
  }

  #isOld(path: string): boolean {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && this.#parts.clock.now() - found.mtimeMs > FILE_GRACE;
  }
}

async function holdsAny(store: Reader, prefix: Uint8Array): Promise<boolean> {
  for await (const _ of store.scan("blobs", { ...prefixRange(prefix), limit: 1 })) return true;
  return false;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch {
    // Not a directory, or gone.
    return [];
  }
}

function sum(a: Step, b: Step): Step {
  return { blobs: a.blobs + b.blobs, files: a.files + b.files, bytes: a.bytes + b.bytes };
}
