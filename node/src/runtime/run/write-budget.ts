/** How much a run may write, over all columns: counts every write, of a key that it wrote before too. */
import type { VmLimits } from "../limits.ts";
import { HostTrap } from "./trap.ts";

export class WriteBudget {
  readonly #limits: VmLimits;
  #writes = 0;
  #bytes = 0;

  constructor(limits: VmLimits) {
    this.#limits = limits;
  }

  /** `bytes` of key and value. */
  spend(bytes: number): void {
    this.#writes += 1;
    this.#bytes += bytes;
    const { maxStorageWrites, maxStorageWriteBytes } = this.#limits;
    if (this.#writes > maxStorageWrites) {
      throw new HostTrap("StorageWriteCountExceeded", `storage write count budget exceeded (max: ${maxStorageWrites})`);
    }
    if (this.#bytes > maxStorageWriteBytes) {
      const attempted = `attempted: ${this.#bytes}, max: ${maxStorageWriteBytes}`;
      throw new HostTrap("StorageWriteBytesExceeded", `storage write byte budget exceeded (${attempted})`);
    }
  }
}
