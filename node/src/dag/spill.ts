/** Where deltas wait that memory has no room for. */

export interface PendingSpill<D> {
  /** Keeps `delta` until `parent`, which is missing, is asked for. Throws where it cannot: the delta is not added then. */
  put(delta: D, parent: string): void;
  /** Gives back, and forgets, up to `limit` of the deltas that wait for `parent`. */
  take(parent: string, limit: number): readonly D[];
  has(id: string): boolean;
  /** How many it holds. */
  readonly size: number;
}
