/** The machine's chance: for pauses, never for secrets. */
import type { Random } from "@shoal/shared/base/random.ts";

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  child: () => systemRandom,
};
