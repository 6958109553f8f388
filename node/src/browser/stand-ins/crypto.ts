/** What the node asks of `node:crypto` outside of its server: SHA-256 and random ids. */
import { sha256 } from "@noble/hashes/sha2.js";

function refuseOther(algorithm: string): void {
  if (algorithm !== "sha256") throw new Error(`${algorithm} is not there in a browser`);
}

export function hash(algorithm: string, data: Uint8Array, encoding: "buffer" | "hex"): Buffer | string {
  refuseOther(algorithm);
  const digest = Buffer.from(sha256(data));
  return encoding === "hex" ? digest.toString("hex") : digest;
}

export function createHash(algorithm: string) {
  refuseOther(algorithm);
  const state = sha256.create();
  const self = {
    update(data: Uint8Array | string) {
      state.update(typeof data === "string" ? Buffer.from(data, "utf8") : data);
      return self;
    },
    digest(encoding?: "hex"): Buffer | string {
      const digest = Buffer.from(state.digest());
      return encoding === "hex" ? digest.toString("hex") : digest;
    },
  };
  return self;
}

export const randomUUID = (): string => globalThis.crypto.randomUUID();
