/**
 * What has arrived for one context and is not applied yet. Order and reasons are in memory, bodies on disk from the moment a delta is
 * known to wait; whatever goes wrong, an inbox is thrown away and read again from there.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { openDag, type Dag, type DagDelta } from "../../dag/dag.ts";
import { decodeDelta, type Delta, type Move } from "../../dag/delta.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "../../model/ids.ts";
import { keyOf } from "../../storage/keys.ts";
import type { Reader, Row } from "../../storage/store.ts";
import type { IdItem } from "../../sync/protocols/contract.ts";
import { timeOf } from "../known.ts";

/** Deltas of one context that may wait, and bytes of them; beyond that the oldest are dropped, and peers asked for them again. */
export const MAX_PENDING = 20_000;
export const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** For what a delta waits that is not (only) for parents: governance ops of its position, or its time in ms since the epoch. */
export type Aside = "governance" | number;

interface Waiting {
  readonly bytes: number;
  /** Until it is on disk. */
  body: Uint8Array | undefined;
  delta: Delta | undefined;
  isSaved: boolean;
  aside: Aside | undefined;
}

export class Inbox {
  readonly dag: Dag<DagDelta>;
  readonly #store: Reader;
  readonly #context: Uint8Array;
  /** In the order of arrival. */
  readonly #waiting = new Map<string, Waiting>();
  #bytes = 0;
  readonly #discarded: Row[] = [];
  /** Applied and on their way to the disk, with their times. */
  readonly #coming = new Map<string, bigint>();
  /** Handed out by the order, and left over from a batch that was cut short. */
  handedOut: readonly Hash[] = [];
  /** The last batch was too much for the executor: one delta at a time until what it held is through. */
  isCautious = false;
  /** Handed out, and of no use before the application is here that they move the context to. */
  readonly awaiting = new Map<Hash, Move>();
  isLoaded = false;
  /** The latest batch on its way to the disk: who is told that a delta is known waits for it too. */
  lastWrite: Promise<unknown> = Promise.resolve();
  /** Deltas that were dropped for want of room. */
  dropped = 0;

  constructor(store: Reader, contextId: ContextId, coming: readonly IdItem[]) {
    this.#store = store;
    this.#context = bytesOf(contextId);
    this.dag = openDag({ heads: [], isApplied: (id) => this.timeOf(id) !== undefined, waiting: [] });
    for (const { id, time } of coming) this.#coming.set(idOf<Hash>(id), time);
  }

  /** The time of an applied delta. */
  timeOf(id: string): bigint | undefined {
    return this.#coming.get(id) ?? timeOf(this.#store, this.#context, bytesOf(id as Hash));
  }

  holds(id: string): boolean {
    return this.#waiting.has(id);
  }

  isAside(id: string): boolean {
    return this.#waiting.get(id)?.aside !== undefined;
  }

  /** Those that wait for governance or for their time, with what they wait for. */
  aside(): readonly (readonly [id: Hash, aside: Aside])[] {
    return [...this.#waiting].flatMap(([id, { aside }]) => (aside === undefined ? [] : [[id as Hash, aside] as const]));
  }

  /** `isSaved`: its row is there already. */
  hold(id: Hash, body: Uint8Array, delta: Delta, aside: Aside | undefined, isSaved: boolean): void {
    const held = this.#waiting.get(id);
    if (held !== undefined) {
      held.aside = aside;
      return;
    }
    this.#waiting.set(id, {
      bytes: body.length,
      ...(isSaved ? { body: undefined, delta: undefined } : { body, delta }),
      isSaved,
      aside,
    });
    this.#bytes += body.length;
  }

  /** A delta that it holds, with its bytes. */
  read(id: Hash): { readonly body: Uint8Array; readonly delta: Delta } {
    const held = this.#waiting.get(id);
    const body = held?.body ?? this.#store.get("pending", this.#key(id));
    if (body === undefined) throw new ShoalError("internal", `the body of the waiting delta ${id} is gone`);
    return { body, delta: held?.delta ?? decodeDelta(body) };
  }

  /** Lets go of a delta; the removal of its row, where there is one. */
  release(id: Hash): readonly Row[] {
    const held = this.#waiting.get(id);
    if (held === undefined) return [];
    this.#waiting.delete(id);
    this.#bytes -= held.bytes;
    return held.isSaved ? [{ column: "pending", key: this.#key(id), value: undefined }] : [];
  }

  /** Lets go of a delta that is refused; its row goes with `takeDiscarded`. */
  discard(id: Hash): void {
    this.#discarded.push(...this.release(id));
  }

  takeDiscarded(): readonly Row[] {
    return this.#discarded.splice(0);
  }

  /** Rows of what waits and is not on disk; say `saved` when they are. */
  unsaved(): readonly Row[] {
    const rows: Row[] = [];
    for (const [id, held] of this.#waiting) {
      if (held.isSaved || held.body === undefined) continue;
      held.isSaved = true;
      rows.push({ column: "pending", key: this.#key(id as Hash), value: held.body });
    }
    return rows;
  }

  saved(): void {
    for (const held of this.#waiting.values()) if (held.isSaved) [held.body, held.delta] = [undefined, undefined];
  }

  /** Drops the oldest that may be dropped until there is room; the removals of their rows. */
  makeRoom(): readonly Row[] {
    const rows: Row[] = [];
    if (this.#waiting.size <= MAX_PENDING && this.#bytes <= MAX_PENDING_BYTES) return rows;
    for (const [id, { aside }] of this.#waiting) {
      if (this.#waiting.size <= MAX_PENDING && this.#bytes <= MAX_PENDING_BYTES) break;
      if (aside === undefined && !this.dag.forget(id)) continue;
      this.dropped += 1;
      rows.push(...this.release(id as Hash));
    }
    return rows;
  }

  /** A delta was applied, here or from elsewhere, and is on its way to the disk. */
  coming(id: Hash, time: bigint): void {
    this.#coming.set(id, time);
  }

  arrived(ids: readonly Hash[]): void {
    for (const id of ids) this.#coming.delete(id);
  }

  #key(id: Hash): Uint8Array {
    return keyOf(this.#context, bytesOf(id));
  }
}
