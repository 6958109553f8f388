/** The machine's generator, by what browsers and Node have in common: ids and tokens made of it are unguessable. */
import type { Random } from "../src/base/random.ts";

/** What the generator gives at most in one call. */
const AT_ONCE = 65_536;

export const systemRandom: Random = {
  next: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  bytes(n) {
    const bytes = new Uint8Array(n);
    for (let at = 0; at < n; at += AT_ONCE) crypto.getRandomValues(bytes.subarray(at, at + AT_ONCE));
    return bytes;
  },
  child: () => systemRandom,
};
