/** What the author of an event gets when it is accepted: its id, and the answer of the broker for whoever wants to wait for it. */
import type { ShoalError } from "@shoal/shared/base/errors.ts";

/** `returned`: the broker took it, and no queue is bound to its key. */
export type Confirmation = "routed" | "returned";

export class Receipt {
  readonly messageId: string;
  readonly sequence: number;
  #outcome: Confirmation | ShoalError | undefined;
  #asked: PromiseWithResolvers<Confirmation> | undefined;

  constructor(messageId: string, sequence: number) {
    this.messageId = messageId;
    this.sequence = sequence;
  }

  /** Rejects with `conflict` or `cancelled` where the publisher was fenced or closed before. Most never ask, so none is made before. */
  confirmed(): Promise<Confirmation> {
    this.#asked ??= Promise.withResolvers<Confirmation>();
    if (this.#outcome !== undefined) this.settle(this.#outcome);
    return this.#asked.promise;
  }

  settle(outcome: Confirmation | ShoalError): void {
    this.#outcome = outcome;
    if (typeof outcome === "string") this.#asked?.resolve(outcome);
    else this.#asked?.reject(outcome);
  }
}
