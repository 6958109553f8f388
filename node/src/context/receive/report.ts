/** What became of what was handed in, gathered on the way. */
import type { Hash } from "../../model/ids.ts";
import type { ReceivedDeltas } from "../replica.ts";

export class Report {
  readonly #places = new Map<string, number>();
  readonly #applied = new Set<Hash>();
  readonly #before = new Set<string>();
  readonly #known: Hash[] = [];
  readonly #refused = new Map<number, ReceivedDeltas["refused"][number]>();
  /** Batches on their way to the disk. */
  readonly writes: Promise<unknown>[] = [];

  known(id: Hash): void {
    this.#known.push(id);
  }

  /** Something on its way to the disk. */
  write(promise: Promise<unknown>): Promise<unknown> {
    // Whoever waits for all of them hears of it; until then it is nobody's failure.
    promise.catch(() => undefined);
    this.writes.push(promise);
    return promise;
  }

  /** It is kept, and perhaps was before it came again; what becomes of it is not known yet. */
  held(id: Hash, index: number, before = false): void {
    if (this.#places.has(id)) return;
    this.#places.set(id, index);
    if (before) this.#before.add(id);
  }

  applied(id: Hash): void {
    this.#applied.add(id);
  }

  refused(index: number, because: string, forged: boolean): void {
    this.#refused.set(index, { index, because, forged });
  }

  /** One that was kept is given up. Others than those handed in are nobody's answer. */
  givenUp(id: Hash, because: string, forged: boolean): void {
    const index = this.#places.get(id);
    if (index !== undefined && !this.#refused.has(index)) this.refused(index, because, forged);
  }

  /** Call it when everything is on disk. */
  done(): ReceivedDeltas {
    const kept = [...this.#places].flatMap(([id, index]) =>
      this.#applied.has(id as Hash) || this.#refused.has(index) ? [] : [id as Hash],
    );
    // What waits already is nothing new: whoever counts on it as progress would never come to rest.
    const waiting = kept.filter((id) => !this.#before.has(id));
    this.#known.push(...kept.filter((id) => this.#before.has(id)));
    const refused = [...this.#refused.values()].sort((a, b) => a.index - b.index);
    return { applied: [...this.#applied], known: this.#known, waiting, refused };
  }
}
