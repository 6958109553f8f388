/** The machine's generator, by what browsers and Node have in common: ids and tokens made of it are unguessable. */
import type { Random } from "../src/base/random.ts";

/** What the generator gives at most in one call. */
const AT_ONCE = 65_536;

/** Asking for a few bytes costs as much as asking for thousands: the few are taken from these, each once. */
const POOL = new Uint8Array(4096);
const FROM_POOL = 64;
let used = POOL.length;

function few(n: number): Uint8Array {
  if (used + n > POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  const bytes = POOL.slice(used, used + n);
  // What was handed out is nowhere else.
  POOL.fill(0, used, used + n);
  used += n;
  return bytes;
}

export const systemRandom: Random = {
  next: () => new DataView(few(4).buffer).getUint32(0) / 2 ** 32,
  bytes(n) {
    if (n <= FROM_POOL) return few(n);
    const bytes = new Uint8Array(n);
    for (let at = 0; at < n; at += AT_ONCE) crypto.getRandomValues(bytes.subarray(at, at + AT_ONCE));
    return bytes;
  },
  child: () => systemRandom,
};
