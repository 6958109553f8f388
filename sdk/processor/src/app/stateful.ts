/** Fields that make up a processor's state: a live object that is captured, restored in place and reset to its beginning. */
import type { StateData } from "../state/body.ts";

export interface StatefulFields {
  readonly live: object;
  capture(): StateData;
  /** Fields that `data` lacks keep their beginning, so that a new version may add some. */
  restore(data: StateData): void;
  reset(): void;
}

export function statefulFields(beginning: () => object): StatefulFields {
  const live = beginning();
  const refill = (...layers: readonly object[]): void => {
    for (const key of Object.keys(live)) Reflect.deleteProperty(live, key);
    for (const layer of layers) {
      for (const [key, value] of Object.entries(layer)) {
        // Defined, not assigned: a key such as `__proto__` is data here.
        Object.defineProperty(live, key, { value, writable: true, enumerable: true, configurable: true });
      }
    }
  };
  return {
    live,
    capture: () => ({ ...live }),
    restore: (data) => refill(beginning(), data),
    reset: () => refill(beginning()),
  };
}
