/**
 * The right to act as the processor. Lost once, when a later activation is found to exist: from then on this process is a
 * standby that publishes and saves nothing, says that it is not ready, and waits to be stopped. It does not exit, since a
 * restarted container would only find the same.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export class Fence {
  readonly #lost = new AbortController();
  #because: string | undefined;

  get role(): "PRIMARY" | "STANDBY" {
    return this.#because === undefined ? "PRIMARY" : "STANDBY";
  }

  get because(): string | undefined {
    return this.#because;
  }

  /** Aborted when the right is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  fence(because: string): void {
    this.#because ??= because;
    this.#lost.abort();
  }

  /** Throws `conflict` for a standby: to be asked right before each effect outside. */
  check(): void {
    if (this.#because !== undefined) throw new ShoalError("conflict", `this processor is a standby: ${this.#because}`);
  }
}
