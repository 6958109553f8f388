/**
 * Which methods only read. Modules of the third generation say so; of older ones nobody knows before a run, so a method is
 * run as a read until it writes once. A method that is wrongly taken for a reader costs a second run, never a lost write.
 */
import type { ApplicationModule } from "../model/application.ts";

/** Modules that are remembered; the oldest is forgotten first. */
const MODULES = 1024;

export interface MethodMemory {
  mayRead(module: ApplicationModule, method: string): boolean;
  /** The method wrote: from now on it is run as a write at once. */
  wrote(module: ApplicationModule, method: string): void;
}

export function methodMemory(): MethodMemory {
  const writers = new Map<string, Set<string>>();
  return {
    mayRead: (module, method) => writers.get(module.prepared)?.has(method) !== true,
    wrote(module, method) {
      let known = writers.get(module.prepared);
      if (known === undefined) {
        const [oldest] = writers.keys();
        if (writers.size >= MODULES && oldest !== undefined) writers.delete(oldest);
        writers.set(module.prepared, (known = new Set()));
      }
      known.add(method);
    },
  };
}
