/** Items for the tests of sets, all from a seed. */
import type { IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The same id for the same number. */
export const itemOf = (time: bigint, number: number): IdItem => ({
  time,
  id: new Uint8Array(sha256(Buffer.from(`id ${number}`))),
});

/** `count` items with random ids, each later than the one before. */
export function makeItems(count: number, random: Random, from = 1_700_000_000_000n): readonly IdItem[] {
  let time = from << 16n;
  return Array.from({ length: count }, () => {
    time += BigInt(1 + below(random, 1 << 20));
    return { time, id: random.bytes(32) };
  });
}

export function inOrder(items: readonly IdItem[]): readonly IdItem[] {
  return items.toSorted((a, b) => (a.time === b.time ? Buffer.compare(a.id, b.id) : a.time < b.time ? -1 : 1));
}

export function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const left = items.slice();
  for (let at = left.length - 1; at > 0; at--) {
    const other = below(random, at + 1);
    [left[at], left[other]] = [left[other]!, left[at]!];
  }
  return left;
}
