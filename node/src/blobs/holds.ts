/**
 * What is in use although no row says so yet: chunks of an upload under way, blobs that somebody is about to refer to. Counted
 * in memory, since it means nothing after a restart.
 */
export class Holds {
  readonly #counts = new Map<string, number>();

  /** Held until what is returned is disposed of, once. */
  hold(name: string): Disposable {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#counts.get(name) ?? 1) - 1;
        if (left === 0) this.#counts.delete(name);
        else this.#counts.set(name, left);
      },
    };
  }

  has(name: string): boolean {
    return this.#counts.has(name);
  }
}
