/** How often a run may call the host, and how many bytes may cross between the two (reference §2.4). */
import type { VmLimits } from "../limits.ts";
import { HostTrap } from "./trap.ts";

export class HostBudget {
  readonly #limits: VmLimits;
  calls = 0;
  #bytes = 0;

  constructor(limits: VmLimits) {
    this.#limits = limits;
  }

  call(): void {
    this.calls += 1;
    const max = this.#limits.maxHostCalls;
    if (this.calls > max) throw new HostTrap("HostCallsLimitExceeded", `more than ${max} host calls in one run`);
  }

  bytes(count: number): void {
    this.#bytes += count;
    const max = this.#limits.maxHostBytes;
    if (this.#bytes > max) {
      throw new HostTrap("HostBytesLimitExceeded", `${this.#bytes} bytes between guest and host (max: ${max})`);
    }
  }
}
