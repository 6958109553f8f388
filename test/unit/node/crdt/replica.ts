/** Replicas of one context in memory: each call is a run of its own, and what it says travels as a delta. */
import sodium from "sodium-native";
import { createCollections } from "@shoal/node/crdt/collections.ts";
import type { Collections, CollectionsEnv, StampWindow } from "@shoal/node/crdt/contract.ts";
import { verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { memoryRows, type MemoryRows } from "./memory-rows.ts";

export const CONTEXT = new Uint8Array(32).fill(1);

export interface Identity {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export function identity(seed: number): Identity {
  const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES);
  const secret = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES);
  sodium.crypto_sign_seed_keypair(publicKey, secret, Buffer.alloc(32, seed));
  return {
    publicKey: Uint8Array.from(publicKey),
    sign(message) {
      const signature = Buffer.alloc(sodium.crypto_sign_BYTES);
      sodium.crypto_sign_detached(signature, Buffer.from(message), secret);
      return Uint8Array.from(signature);
    },
  };
}

export const verify: CollectionsEnv["verify"] = (publicKey, signature, message) =>
  sodium.crypto_sign_verify_detached(Buffer.from(signature), Buffer.from(message), Buffer.from(publicKey));

export class Replica {
  readonly rows: MemoryRows;
  readonly identity: Identity;
  /** Nanoseconds; a test may set it back. */
  clock = 1_000n;
  root = "00".repeat(32);
  #random: number;

  constructor(seed: number, rows = memoryRows()) {
    this.identity = identity(seed);
    this.rows = rows;
    this.#random = seed * 1_000_003;
  }

  open(overrides: Partial<CollectionsEnv> = {}): Collections {
    return createCollections({
      rows: this.rows,
      context: CONTEXT,
      executor: this.identity.publicKey,
      now: () => (this.clock += 1n),
      random: (bytes) => Uint8Array.from({ length: bytes }, () => this.#next()),
      verify,
      sign: (message) => this.identity.sign(message),
      ...overrides,
    });
  }

  /** One run; its artifact, which is empty where it said nothing. */
  run(call: (collections: Collections) => void): Uint8Array {
    const collections = this.open();
    call(collections);
    const flushed = collections.flush();
    if (flushed === undefined) return new Uint8Array();
    this.root = Buffer.from(flushed.rootHash).toString("hex");
    return flushed.artifact;
  }

  read<T>(call: (collections: Collections) => T): T {
    return call(this.open());
  }

  apply(artifact: Uint8Array, window?: StampWindow): void {
    const collections = this.open();
    collections.applyDelta(artifact, window);
    const flushed = collections.flush();
    if (flushed !== undefined) this.root = Buffer.from(flushed.rootHash).toString("hex");
  }

  /** The root recomputed from the rows; throws where they contradict each other. */
  recomputed(): string {
    const verified = verifyTree((key) => this.rows.get(key), CONTEXT);
    if (!verified.ok) throw new Error(`${verified.where}: ${verified.problem}`);
    return Buffer.from(verified.root).toString("hex");
  }

  #next(): number {
    this.#random = (this.#random * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (this.#random >>> 16) & 0xff;
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);
export const number = (bytes: Uint8Array): number => Number(Buffer.from(bytes).readBigInt64LE());
/** What `iter` answers, as texts. */
export function listed(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const out: string[] = [];
  for (let at = 4; at < buffer.length;) {
    const length = buffer.readUInt32LE(at);
    out.push(buffer.subarray(at + 4, at + 4 + length).toString());
    at += 4 + length;
  }
  return out;
}
