/**
 * Names of other generations: a module that imports them links and runs, and ends with the name where it calls one. G1 had
 * proposals and calls that change members; G4 has search, sealing and trusted execution.
 */
import { HostTrap } from "../run/trap.ts";
import type { HostFunction } from "./host-functions.ts";

/** Stands for the import `name`. */
export function unsupported(name: string): HostFunction {
  return () => {
    throw new HostTrap("UnsupportedFunction", `this host has no function ${name}`);
  };
}
