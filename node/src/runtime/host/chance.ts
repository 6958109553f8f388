/** Chance, time (see `run/chance.ts`: both are the request's) and signatures. */
import sodium from "sodium-native";
import type { RunState } from "../run/run-state.ts";
import { HostTrap, invalidAccess } from "../run/trap.ts";
import type { HostFunctions } from "./host-functions.ts";

const TIME_BYTES = 8;

export const chanceFunctions = {
  random_bytes(run: RunState, target: bigint): void {
    run.chance.fill(run.memory.writable(run.memory.span(target)));
  },

  time_now(run: RunState, target: bigint): void {
    const span = run.memory.span(target);
    if (span.length !== TIME_BYTES) throw invalidAccess();
    run.memory.writable(span).writeBigUInt64LE(run.chance.now());
  },

  ed25519_verify(run: RunState, signature: bigint, publicKey: bigint, message: bigint): number {
    const { memory } = run;
    const sign = Buffer.from(memory.copyExactly(memory.span(signature), sodium.crypto_sign_BYTES));
    const key = Buffer.from(memory.copyExactly(memory.span(publicKey), sodium.crypto_sign_PUBLICKEYBYTES));
    const text = Buffer.from(memory.borrow(memory.span(message)));
    if (sodium.crypto_sign_verify_detached(sign, text, key)) return 1;
    // Only a refused signature needs the second look: was the key a point of the curve at all?
    if (!isPoint(key)) throw new HostTrap("Ed25519IncorrectPublicKey", "incorrect ed25519 public key");
    return 0;
  },
} satisfies HostFunctions;

/** The curve's neutral element. */
const NEUTRAL = Buffer.from(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)));

function isPoint(key: Buffer): boolean {
  try {
    sodium.crypto_core_ed25519_add(Buffer.alloc(32), key, NEUTRAL);
    return true;
  } catch {
    return false;
  }
}
