/** Sums of time by name, for the table of where a call's microseconds go. */
export interface Span {
  readonly count: number;
  readonly us: number;
}

export class Stopwatch {
  readonly #spans = new Map<string, { count: number; us: number }>();

  add(name: string, us: number): void {
    const span = this.#spans.get(name);
    if (span === undefined) this.#spans.set(name, { count: 1, us });
    else {
      span.count += 1;
      span.us += us;
    }
  }

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.add(name, (performance.now() - start) * 1000);
    }
  }

  /** The object with some of its methods timed under their own names. */
  wrap<T extends object>(object: T, methods: readonly (keyof T & string)[]): T {
    return new Proxy(object, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const bound = (value as (...all: unknown[]) => unknown).bind(target);
        if (!methods.some((method) => method === name)) return bound;
        return (...all: unknown[]) => this.time(String(name), () => bound(...all) as Promise<unknown>);
      },
    });
  }

  /** What was summed since the last call. */
  take(): Readonly<Record<string, Span>> {
    const taken = Object.fromEntries([...this.#spans].map(([name, span]) => [name, { ...span }]));
    this.#spans.clear();
    return taken;
  }
}
