/**
 * The entities of a context as one run sees and changes them: read once, merged in memory, and written with the tree's nodes
 * by `flush`. Knows entities and tries, not what collections mean by them.
 */
import { collectionHash, decodeEntity, encodeEntity, ownHash } from "../storage/merkle/entity-row.ts";
import type { Entity, Write } from "../storage/merkle/entity-row.ts";
import { CLOCK_KEY, entityKey, ROW } from "../storage/merkle/row-keys.ts";
import { Trie } from "../storage/merkle/trie.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import type { Action } from "./actions.ts";
import type { CollectionsEnv } from "./contract.ts";
import { CollectionError } from "./error.ts";
import { ENTRY } from "./kinds.ts";
import { join } from "./join.ts";
import { actionOf } from "./entity-action.ts";
import { linkShared } from "./shared-cell.ts";

const LAST_STAMP = 2n ** 64n - 1n;

const text = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.length).toString("latin1");
const isShared = (kind: number | undefined): boolean => kind === ENTRY.writers || kind === ENTRY.sharedSlot;

interface Held {
  readonly entity: Entity | undefined;
  /** The store has a row of it: what is changed is an update. */
  readonly stored: boolean;
}

export class State {
  readonly env: CollectionsEnv;
  readonly #held = new Map<string, Held>();
  readonly #changed = new Map<string, Entity>();
  /** What this run itself wrote, in the order it first did: the artifact. */
  readonly #own = new Set<string>();
  readonly #tries = new Map<string, Trie>();
  readonly #sharedTries = new Map<string, Trie>();
  readonly #collections = new Map<string, Uint8Array>();
  readonly #shared = new Map<string, Uint8Array>();
  #clock: bigint | undefined;
  #clockChanged = false;
  /** Grows with every change: what is derived from entries is derived again when it has. */
  version = 0;

  constructor(env: CollectionsEnv) {
    this.env = env;
  }

  /** The live or deleted entity; `parent` context means a collection. */
  entity(parent: Uint8Array, id: Uint8Array): Entity | undefined {
    return this.#hold(this.#row(parent), id).entity;
  }

  /** The write of a live entry. */
  live(collection: Uint8Array, id: Uint8Array): Write | undefined {
    const entity = this.#hold(ROW.entry, id).entity;
    if (entity === undefined || entity.write.deleted) return undefined;
    return Buffer.compare(entity.parent, collection) === 0 ? entity.write : undefined;
  }

  /** What is hashed of a collection, or of the context. */
  trie(owner: Uint8Array): Trie {
    return this.#trieOf(this.#tries, ROW.node, owner);
  }

  /** Everything that was ever written to a shared cell, whether it counts or not. */
  sharedTrie(cell: Uint8Array): Trie {
    return this.#trieOf(this.#sharedTries, ROW.shared, cell);
  }

  /** A stamp later than everything that this context has seen. */
  stamp(): bigint {
    const seen = this.#seen();
    const now = this.env.now();
    const stamp = now > seen ? now : seen + 1n;
    if (stamp > LAST_STAMP) throw new CollectionError("the state bears stamps that leave no later one", "internal");
    this.#see(stamp);
    return stamp;
  }

  /** A write of this run. */
  write(parent: Uint8Array, id: Uint8Array, write: Write): void {
    this.#own.add(text(this.#rowKey(parent, id)));
    this.#see(write.updatedAt);
    const before = this.entity(parent, id);
    this.#put({ id, parent, write: before === undefined ? write : join(before.write, write) });
  }

  /** A write of somebody else, already judged. */
  merge(entity: Entity): void {
    this.#see(entity.write.updatedAt);
    const before = this.entity(entity.parent, entity.id);
    const write = before === undefined ? entity.write : join(before.write, entity.write);
    if (before !== undefined && sameWrite(before.write, write)) return;
    this.#put({ ...entity, write });
  }

  /** Writes what changed. `actions` are those of this run; undefined where nothing changed. */
  flush(): { readonly rootHash: Uint8Array; readonly actions: readonly Action[] } | undefined {
    if (this.#changed.size === 0) return undefined;
    for (const cell of this.#shared.values()) linkShared(this, cell);
    const { rows, context, sign } = this.env;
    const actions: Action[] = [];
    for (const [key, entity] of this.#changed) {
      let { write } = entity;
      if (this.#own.has(key)) {
        const { action, signature } = actionOf(entity, this.#held.get(key)?.stored === true, sign);
        actions.push(action);
        if (signature !== undefined) write = { ...write, signature };
      }
      const row = Buffer.from(key, "latin1");
      rows.set(row, encodeEntity({ ...entity, write }));
      this.#held.set(key, { entity: { ...entity, write }, stored: true });
    }
    const root = this.#flushTries();
    if (this.#clockChanged) rows.set(CLOCK_KEY, new BorshWriter().u64(this.#seen()).done());
    this.#clockChanged = false;
    this.#changed.clear();
    this.#own.clear();
    this.#shared.clear();
    return { rootHash: root ?? new Uint8Array(context.length), actions };
  }

  #flushTries(): Uint8Array | undefined {
    const { context } = this.env;
    for (const trie of this.#sharedTries.values()) if (trie.changed) trie.flush();
    const top = this.trie(context);
    for (const id of this.#collections.values()) {
      const entity = this.entity(context, id);
      const root = this.trie(id).flush();
      if (entity !== undefined && !entity.write.deleted) top.set(id, collectionHash(entity.write, root));
    }
    this.#collections.clear();
    return top.flush();
  }

  #put(entity: Entity): void {
    const { parent, id, write } = entity;
    const key = text(this.#rowKey(parent, id));
    this.version += 1;
    this.#held.set(key, { entity, stored: this.#hold(this.#row(parent), id).stored });
    this.#changed.set(key, entity);
    if (this.#isContext(parent)) {
      this.#collections.set(text(id), id);
      // Its hash follows when its entries are hashed.
      if (write.deleted) this.trie(parent).remove(id);
      else this.trie(parent).set(id, id);
      return;
    }
    this.#collections.set(text(parent), parent);
    if (isShared(write.data[0])) {
      this.sharedTrie(parent).set(id, ownHash(write));
      this.#shared.set(text(parent), parent);
    } else if (write.deleted) {
      this.trie(parent).remove(id);
    } else {
      this.trie(parent).set(id, ownHash(write));
    }
  }

  #hold(row: typeof ROW.collection | typeof ROW.entry, id: Uint8Array): Held {
    const rowKey = entityKey(row, id);
    const key = text(rowKey);
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    const bytes = this.env.rows.get(rowKey);
    const read = { entity: bytes === undefined ? undefined : decodeEntity(id, bytes), stored: bytes !== undefined };
    this.#held.set(key, read);
    return read;
  }

  #trieOf(tries: Map<string, Trie>, row: typeof ROW.node | typeof ROW.shared, owner: Uint8Array): Trie {
    const key = text(owner);
    let trie = tries.get(key);
    if (trie === undefined) tries.set(key, (trie = new Trie(this.env.rows, row, owner)));
    return trie;
  }

  #isContext(id: Uint8Array): boolean {
    return Buffer.compare(id, this.env.context) === 0;
  }

  #row(parent: Uint8Array): typeof ROW.collection | typeof ROW.entry {
    return this.#isContext(parent) ? ROW.collection : ROW.entry;
  }

  #rowKey(parent: Uint8Array, id: Uint8Array): Uint8Array {
    return entityKey(this.#row(parent), id);
  }

  #seen(): bigint {
    if (this.#clock === undefined) {
      const row = this.env.rows.get(CLOCK_KEY);
      this.#clock = row === undefined ? 0n : new BorshReader(row).u64();
    }
    return this.#clock;
  }

  #see(stamp: bigint): void {
    if (stamp <= this.#seen()) return;
    this.#clock = stamp;
    this.#clockChanged = true;
  }
}

function sameWrite(a: Write, b: Write): boolean {
  return (
    a === b ||
    (Buffer.compare(ownHash(a), ownHash(b)) === 0 && (a.signature === undefined) === (b.signature === undefined))
  );
}
