/** Signatures and hashes for the rules, by the node's own libraries. */
import { base58 } from "@scure/base";
import { bytesOf, idOf, type Hash } from "../model/ids.ts";
import { sign, verify, type KeyPair } from "../model/keys.ts";
import { sha256 } from "../model/sha256.ts";
import type { Crypto } from "./rules/case.ts";
import type { Op, SignedOp } from "./rules/op.ts";
import { opBytes } from "./rules/signing-bytes.ts";

/** Characters of 64 bytes in base58, at most; longer text is refused before it is decoded, which is quadratic. */
const SIGNATURE_CHARACTERS = 90;

export const governanceCrypto: Crypto = {
  verify(signer, bytes, signature) {
    if (signature.length > SIGNATURE_CHARACTERS) return false;
    try {
      return verify(base58.decode(signature), bytes, bytesOf(signer));
    } catch {
      // Not base58: not a signature.
      return false;
    }
  },
  hash: (bytes) => idOf<Hash>(sha256(bytes)),
};

export function signText(secret: Uint8Array, bytes: Uint8Array): string {
  return base58.encode(sign(secret, bytes));
}

export function signOp(key: KeyPair, op: Omit<Op, "signer">): SignedOp {
  const unsigned: Op = { ...op, signer: key.publicKey };
  return { ...unsigned, signature: signText(key.secret, opBytes(unsigned)) };
}

export function hashOf(op: SignedOp): Hash {
  return governanceCrypto.hash(opBytes(op));
}
