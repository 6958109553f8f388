/** The operating system's generator: ids and tokens are unguessable. */
import { randomBytes } from "node:crypto";
import type { Random } from "@shoal/shared/base/random.ts";

export const systemRandom: Random = {
  next: () => randomBytes(4).readUInt32BE() / 4_294_967_296,
  bytes: (n) => randomBytes(n),
  child: () => systemRandom,
};
