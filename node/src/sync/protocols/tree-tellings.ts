/** What a comparison has found and not yet told. */
import { cursorOf, type Place } from "./tree-edge.ts";
import type { Comparison, TreeBounds, TreeCursor, TreeWrite } from "./tree-contract.ts";

export class Tellings {
  readonly #onBatch: Comparison["onBatch"];
  readonly #bounds: TreeBounds;
  #need: TreeWrite[] = [];
  #have: TreeWrite[] = [];
  #bytes = 0;
  #last: Place | undefined;
  #from: TreeCursor | undefined;
  entities = 0;

  constructor({ onBatch, from }: Pick<Comparison, "onBatch" | "from">, bounds: TreeBounds) {
    this.#onBatch = onBatch;
    this.#from = from;
    this.#bounds = bounds;
  }

  /** Of one entity what either side lacks, of `bytes` in all. */
  tell(place: Place, need: TreeWrite | undefined, have: TreeWrite | undefined, bytes: number): void {
    if (need !== undefined) this.#need.push(need);
    if (have !== undefined) this.#have.push(have);
    this.#bytes += bytes;
    this.#last = place;
    this.entities += 1;
  }

  get isDue(): boolean {
    const { batchEntities, batchBytes } = this.#bounds;
    return this.#need.length + this.#have.length >= batchEntities || this.#bytes >= batchBytes;
  }

  /** After what to go on; undefined for the beginning. */
  get cursor(): TreeCursor | undefined {
    return this.#last === undefined ? this.#from : cursorOf(this.#last);
  }

  async flush(): Promise<void> {
    if (this.#last === undefined) return;
    this.#from = cursorOf(this.#last);
    const batch = { need: this.#need, have: this.#have, cursor: this.#from };
    [this.#need, this.#have, this.#bytes, this.#last] = [[], [], 0, undefined];
    if (batch.need.length + batch.have.length > 0) await this.#onBatch(batch);
  }
}
