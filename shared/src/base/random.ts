/**
 * Chance as an argument. Production hands in a `Random` over the operating system's generator; simulation and tests hand
 * in `seeded(n)`. `child(name)` derives an independent stream, so that one more consumer does not renumber the others.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** `n` random bytes. */
  bytes(n: number): Uint8Array;
  child(name: string): Random;
}

/** Uniform integer in [0, bound). */
export function below(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

function hashName(seed: number, name: string): number {
  let h = (seed ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}

/** Deterministic stream (mulberry32): for tests and simulation only, never for secrets. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    bytes: (n) => Uint8Array.from({ length: n }, () => Math.floor(next() * 256)),
    child: (name) => seeded(hashName(seed, name)),
  };
}
