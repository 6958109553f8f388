/**
 * The host-side collections as the WASM host sees them: one method per `js_*` import, in bytes, synchronous. A `Collections`
 * lives as long as one run. Nothing reaches `rows` before `flush`, so a run that never flushes leaves no trace, and a run
 * that flushes hashes each tree node once, however often it wrote.
 *
 * What calls answer: `Uint8Array` is put in the register and told as 1, `undefined` clears it and is told as 0, a boolean is
 * told as 1 or 0, nothing at all is told as 1; a `CollectionError` is told as -1 with its text in the register. The two that
 * make a collection (`create`, `createWithId`) answer its 32-byte id, which imports tell as 0.
 */

/** Rows of one context, without the context's prefix in the key; reads see what was written before in the same run. */
export interface Rows {
  get(key: Uint8Array): Uint8Array | undefined;
  set(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
}

export interface CollectionsEnv {
  readonly rows: Rows;
  /** 32 bytes; the id of the root entity. */
  readonly context: Uint8Array;
  /** 32-byte public key in whose name the run acts. */
  readonly executor: Uint8Array;
  /** Nanoseconds since the epoch, strictly growing within a run. */
  now(): bigint;
  random(bytes: number): Uint8Array;
  /** Whether `signature` (64 bytes) of `message` is by `publicKey` (32 bytes); Ed25519, strict. */
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean;
  /** Signs as `executor`. Without it, who applies the outcome signs the artifact: `signUserActions`, then `attachSignatures`. */
  readonly sign?: (message: Uint8Array) => Uint8Array;
}

/** Stamps that a delta's actions may bear; what lies outside is refused. The caller knows the delta's parents and the clock. */
export interface StampWindow {
  /** Actions must be later than this: the highest stamp among the delta's causal parents, so that nobody can date back. */
  readonly afterNs?: bigint;
  /** Actions must not be later than this: now and the tolerated drift. */
  readonly untilNs?: bigint;
}

interface Makes {
  /** `X_new`: a collection with a random id. */
  create(): Uint8Array;
  /** `X_new_with_id`: the collection with that id; one that exists already is answered as it is. */
  createWithId(id: Uint8Array): Uint8Array;
}

export interface MapCalls extends Makes {
  get(id: Uint8Array, key: Uint8Array): Uint8Array | undefined;
  /** The value that was replaced. */
  insert(id: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array | undefined;
  /** The value that was removed. */
  remove(id: Uint8Array, key: Uint8Array): Uint8Array | undefined;
  contains(id: Uint8Array, key: Uint8Array): boolean;
  /** count u32 LE, then (length u32 LE, bytes) of key and value alternating; sorted maps by key, others by entry id. */
  iter(id: Uint8Array): Uint8Array;
}

export interface SetCalls extends Makes {
  /** Whether it was not there before. */
  insert(id: Uint8Array, value: Uint8Array): boolean;
  contains(id: Uint8Array, value: Uint8Array): boolean;
  /** Whether it was there. */
  remove(id: Uint8Array, value: Uint8Array): boolean;
  /** u64 LE. */
  len(id: Uint8Array): Uint8Array;
  /** count u32 LE, then (length u32 LE, bytes); sorted sets by value, others by entry id. */
  iter(id: Uint8Array): Uint8Array;
  clear(id: Uint8Array): void;
}

export interface VectorCalls extends Makes {
  /** u64 LE. */
  len(id: Uint8Array): Uint8Array;
  push(id: Uint8Array, value: Uint8Array): void;
  get(id: Uint8Array, index: bigint): Uint8Array | undefined;
  /** The last element, which is removed. */
  pop(id: Uint8Array): Uint8Array | undefined;
}

export interface RegisterCalls extends Makes {
  /** `undefined`: `has_value` was 0. */
  set(id: Uint8Array, value: Uint8Array | undefined): void;
  get(id: Uint8Array): Uint8Array | undefined;
  /** 24 bytes: NTP time u64 LE, node id u128 LE; undefined before the first `set`. */
  timestamp(id: Uint8Array): Uint8Array | undefined;
}

export interface CounterCalls extends Makes {
  increment(id: Uint8Array): void;
  /** u64 LE; i64 LE for the counter that can go down. */
  value(id: Uint8Array): Uint8Array;
  /** What `executor` (without one: the run's) counted: u64 LE, or i64 LE. */
  executorCount(id: Uint8Array, executor: Uint8Array | undefined): Uint8Array;
}

export interface PnCounterCalls extends CounterCalls {
  decrement(id: Uint8Array): void;
}

export interface TextCalls extends Makes {
  /** `text` is UTF-8; `index` counts Unicode scalar values. */
  insert(id: Uint8Array, index: bigint, text: Uint8Array): void;
  /** One scalar value. */
  delete(id: Uint8Array, index: bigint): void;
  /** UTF-8. */
  text(id: Uint8Array): Uint8Array;
  /** Unicode scalar values, u64 LE. */
  len(id: Uint8Array): Uint8Array;
}

/** One slot per account; only its owner writes it. */
export interface UserStorageCalls extends Makes {
  /** The value that was replaced. */
  insert(id: Uint8Array, value: Uint8Array): Uint8Array | undefined;
  get(id: Uint8Array): Uint8Array | undefined;
  getForUser(id: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  remove(id: Uint8Array): Uint8Array | undefined;
  contains(id: Uint8Array): boolean;
  containsUser(id: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Content-addressed: the key is SHA-256 of the value, and nothing changes or goes. */
export interface FrozenStorageCalls extends Makes {
  /** The 32-byte key. */
  add(id: Uint8Array, value: Uint8Array): Uint8Array;
  get(id: Uint8Array, hash: Uint8Array): Uint8Array | undefined;
  contains(id: Uint8Array, hash: Uint8Array): boolean;
}

/** A map whose entries belong to who inserted them; whoever is not the owner gets a `CollectionError`. */
export interface AuthoredMapCalls extends MapCalls {
  /** The value that was replaced; a `CollectionError` where there is no entry. */
  update(id: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array | undefined;
  /** 32-byte public key. */
  ownerOf(id: Uint8Array, key: Uint8Array): Uint8Array | undefined;
  ownedByMe(id: Uint8Array, key: Uint8Array): boolean;
  /** u64 LE. */
  len(id: Uint8Array): Uint8Array;
}

/** A vector whose elements belong to who pushed them; an element keeps its index when it is tombstoned. */
export interface AuthoredVectorCalls extends Makes {
  /** The new element's index, u64 LE. */
  push(id: Uint8Array, value: Uint8Array): Uint8Array;
  /** The value that was replaced. */
  update(id: Uint8Array, index: bigint, value: Uint8Array): Uint8Array | undefined;
  /** Leaves an empty value; answers the one before. */
  tombstone(id: Uint8Array, index: bigint): Uint8Array | undefined;
  get(id: Uint8Array, index: bigint): Uint8Array | undefined;
  ownerOf(id: Uint8Array, index: bigint): Uint8Array | undefined;
  ownedByMe(id: Uint8Array, index: bigint): boolean;
  /** As a set's. */
  iter(id: Uint8Array): Uint8Array;
  /** u64 LE. */
  len(id: Uint8Array): Uint8Array;
}

/** One value that only the members of its writer set may write. `writers`: 32-byte public keys, concatenated. */
export interface SharedCalls {
  create(writers: Uint8Array, frozen: boolean): Uint8Array;
  createWithId(id: Uint8Array, writers: Uint8Array, frozen: boolean): Uint8Array;
  set(id: Uint8Array, value: Uint8Array): void;
  get(id: Uint8Array): Uint8Array | undefined;
  writers(id: Uint8Array): Uint8Array;
  writableByMe(id: Uint8Array): boolean;
  /** Whether the writer set can never change. */
  isFrozen(id: Uint8Array): boolean;
  rotateWriters(id: Uint8Array, writers: Uint8Array): void;
}

export interface Flushed {
  /** 32 bytes; all zero for a state in which nothing is left. */
  readonly rootHash: Uint8Array;
  /** borsh StorageDelta (tag 0); empty where only deltas of others were applied. */
  readonly artifact: Uint8Array;
}

export interface Collections {
  readonly map: MapCalls;
  readonly sortedMap: MapCalls;
  readonly set: SetCalls;
  readonly sortedSet: SetCalls;
  readonly vector: VectorCalls;
  readonly register: RegisterCalls;
  readonly counter: CounterCalls;
  readonly pnCounter: PnCounterCalls;
  readonly text: TextCalls;
  readonly userStorage: UserStorageCalls;
  readonly frozenStorage: FrozenStorageCalls;
  readonly authoredMap: AuthoredMapCalls;
  readonly authoredVector: AuthoredVectorCalls;
  readonly shared: SharedCalls;
  /** `js_crdt_delete_collection`: whether there was one. Its entries go with it. */
  deleteCollection(id: Uint8Array): boolean;
  /** The root document, of which the later wins. `createdAt`: nanoseconds; when it was updated is the host's stamp to say. */
  persistRootState(document: Uint8Array, createdAt: bigint): void;
  readRootState(): Uint8Array | undefined;
  /** Merges somebody else's borsh StorageDelta; a `CollectionError` refuses all of it and changes nothing. */
  applyDelta(artifact: Uint8Array, window?: StampWindow): void;
  /** Writes what changed since the last flush; undefined where nothing did. */
  flush(): Flushed | undefined;
}
