/** One after the other within a key, side by side across keys. Relies on the prefetch for its bound. */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  /** `work` must not reject. */
  add(key: string, work: () => Promise<void>): void {
    const tail = (this.#tails.get(key) ?? Promise.resolve()).then(work).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
  }

  /** Resolves when everything that was added is done. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
