/**
 * Where an id stands in the endless table of symbols, and its checksum there: both from a hash under the key of one session, so
 * that nobody can make ids beforehand that are together in all symbols, or that pass for one id when they are summed.
 *
 * The hash is HalfSipHash-2-4 with 64 bits of result, its state filled from all 128 bits of the key. Only who holds the key sees
 * what it makes, and the key is new in each session, so it need not withstand more than ids chosen without knowing it.
 */
import { ID_WORDS } from "./id-set-hash.ts";

export const KEY_BYTES = 16;

/** Hash of one id at a time: `place` and `check` are those of the last. */
export class KeyedHash {
  readonly #k0: number;
  readonly #k1: number;
  readonly #k2: number;
  readonly #k3: number;
  place = 0;
  check = 0;

  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, KEY_BYTES);
    this.#k0 = view.getInt32(0, true);
    this.#k1 = view.getInt32(4, true) ^ 0xee;
    this.#k2 = view.getInt32(8, true) ^ 0x6c796765;
    this.#k3 = view.getInt32(12, true) ^ 0x74656462;
  }

  of(words: Uint32Array, at: number): void {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = this.#k2;
    let v3 = this.#k3;
    // The words, then the length; after that the first and the second half of the result.
    const rounds = (ID_WORDS + 1) * 2 + 8;
    let word = 0;
    for (let round = 0; round < rounds; round++) {
      if (round < (ID_WORDS + 1) * 2) {
        if ((round & 1) === 0) {
          word = round >>> 1 < ID_WORDS ? words[at + (round >>> 1)]! | 0 : (ID_WORDS * 4) << 24;
          v3 ^= word;
        }
      } else if (round === (ID_WORDS + 1) * 2) {
        v2 ^= 0xee;
      } else if (round === (ID_WORDS + 1) * 2 + 4) {
        this.place = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if ((round & 1) === 1 && round < (ID_WORDS + 1) * 2) v0 ^= word;
    }
    this.check = (v1 ^ v3) >>> 0;
  }
}

/**
 * The symbols of one id, in order: the first always, symbol i with probability 1 / (1 + i / 2) (Yang, Gilad and Alizadeh,
 * "Practical Rateless Set Reconciliation", 2024, section 4.2). All numbers in it are exact in every engine.
 */
export class Walk {
  #s0 = 0;
  #s1 = 0;
  index = 0;

  /** At the first symbol of the id that `hash` has hashed last. */
  start({ place, check }: KeyedHash): void {
    this.#s0 = place;
    this.#s1 = (place | check) === 0 ? 1 : check | 0;
    this.index = 0;
  }

  /** To the next; draws from xoroshiro64*. */
  next(): void {
    const s0 = this.#s0;
    const drawn = (Math.imul(s0, 0x9e3779bb) >>> 0) + 1;
    const s1 = this.#s1 ^ s0;
    this.#s0 = ((s0 << 26) | (s0 >>> 6)) ^ s1 ^ (s1 << 9);
    this.#s1 = (s1 << 13) | (s1 >>> 19);
    // A jump of none would take the id out of a symbol again.
    this.index += Math.max(1, Math.ceil((this.index + 1.5) * (65_536 / Math.sqrt(drawn) - 1)));
  }
}
