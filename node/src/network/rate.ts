/** A token bucket: so much per second, twice as much at once. Pure: time is an argument. */
export interface Bucket {
  /** Takes `cost` and says true, or takes nothing where there is not enough. */
  take(cost: number, now: number): boolean;
}

/** `now` is in milliseconds and never goes back. */
export function createBucket(perSecond: number, burst = perSecond * 2): Bucket {
  let level = burst;
  let at: number | undefined;
  return {
    take(cost, now) {
      level = Math.min(burst, level + ((now - (at ?? now)) * perSecond) / 1000);
      at = now;
      if (level < cost) return false;
      level -= cost;
      return true;
    },
  };
}
