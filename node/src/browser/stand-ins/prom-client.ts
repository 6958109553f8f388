/** Nobody scrapes a tab: metrics are counted by nobody. */
class Nothing {
  inc(): void {}
  dec(): void {}
  set(): void {}
  observe(): void {}
  labels(): this {
    return this;
  }
}

export { Nothing as Counter, Nothing as Gauge, Nothing as Histogram, Nothing as Registry };
