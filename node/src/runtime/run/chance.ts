/**
 * Time and chance of one run, as functions of its request, so that the run repeats exactly: every reading of the clock is a
 * nanosecond after the one before, and random bytes are the ChaCha20 keystream of the seed, with a nonce of its own per call.
 */
import sodium from "sodium-native";
import type { RunRequest } from "../contract.ts";

export class Chance {
  readonly #seed: Uint8Array;
  #nowNs: bigint;
  #calls = 0;

  constructor({ seed, nowNs }: Pick<RunRequest, "seed" | "nowNs">) {
    this.#seed = seed;
    this.#nowNs = nowNs;
  }

  /** Nanoseconds since the epoch, as u64. */
  now(): bigint {
    const now = this.#nowNs;
    this.#nowNs += 1n;
    return BigInt.asUintN(64, now);
  }

  fill(target: Buffer): void {
    const nonce = Buffer.alloc(sodium.crypto_stream_chacha20_NONCEBYTES);
    nonce.writeUInt32LE(this.#calls);
    this.#calls += 1;
    if (target.length === 0) return;
    // The keystream is what zeros become.
    target.fill(0);
    sodium.crypto_stream_chacha20_xor(target, target, nonce, Buffer.from(this.#seed));
  }

  bytes(count: number): Uint8Array {
    const bytes = Buffer.alloc(count);
    this.fill(bytes);
    return bytes;
  }
}
