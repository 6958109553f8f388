/** Sums of resources: what a host may give away, how utilised it is, and what counts as a quantity at all. */
import { ShoalError } from "../../base/errors.ts";
import type { PlacementPod, Resources } from "./types.ts";

export type Requests = PlacementPod["requests"];

/** What an empty host may give away. The buffer is kept of CPU and memory; half a slot or a tenth of a GPU helps nobody. */
export function usableOf(allocatable: Resources, bufferPercent: number): Resources {
  const keep = (amount: number): number => Math.floor((amount * (100 - bufferPercent)) / 100);
  return { ...allocatable, cpuMilli: keep(allocatable.cpuMilli), memoryMiB: keep(allocatable.memoryMiB) };
}

export function share(used: number, allocatable: number): number {
  if (allocatable > 0) return used / allocatable;
  return used > 0 ? 1 : 0;
}

/** The largest of used / allocatable over CPU, memory, slots and GPUs. */
export function dominantShare(used: Resources, allocatable: Resources): number {
  return Math.max(
    share(used.cpuMilli, allocatable.cpuMilli),
    share(used.memoryMiB, allocatable.memoryMiB),
    share(used.pods, allocatable.pods),
    share(used.gpu, allocatable.gpu),
  );
}

/** Throws `invalid_argument` unless all are whole and not negative: else sums would not come out the same after an undo. */
export function checkQuantities(what: string, quantities: Resources | Requests): void {
  for (const [name, value] of Object.entries(quantities)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new ShoalError("invalid_argument", `${what} has ${name} = ${value}: a whole number >= 0 is needed`, {
        field: name,
      });
    }
  }
}

/** By code unit, so that the order is the same on every machine. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
