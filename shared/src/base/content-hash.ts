/** One hash for equal content, whatever the order of its keys: by it two intents, hosts or pods are compared. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "./canonical-json.ts";

/** SHA-256 of the canonical JSON of `value`, lower-case hex, `length` characters of it (63 fit a Kubernetes label). */
export function contentHash(value: unknown, length = 32): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value)))).slice(0, length);
}
