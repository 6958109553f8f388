/** Faults to plant: each must be found by the simulation, or it does not look where it should. */
import type { Fault } from "./plant.ts";

export const FAULTS: readonly Fault[] = [];
