/**
 * A map that is a value: another one with an entry more, less or changed shares all but a few dozen entries with it. Kept as
 * chunks in ascending order of keys, so that equal contents are equal whatever order they came in; at the sizes of `LIMITS` a
 * change copies one chunk and the list of chunks, and a look-up is two binary searches.
 */
const MOST = 48;

interface Chunk<K, V> {
  readonly keys: readonly K[];
  readonly values: readonly V[];
}

/** The last place whose key is not after `key`; -1 where all are. */
function placeOf<K>(length: number, keyAt: (place: number) => K, key: K): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyAt(middle) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class SortedMap<K extends string, V> implements ReadonlyMap<K, V> {
  readonly size: number;
  readonly #chunks: readonly Chunk<K, V>[];

  private constructor(chunks: readonly Chunk<K, V>[], size: number) {
    this.#chunks = chunks;
    this.size = size;
  }

  static from<K extends string, V>(map: ReadonlyMap<K, V>): SortedMap<K, V> {
    if (map instanceof SortedMap) return map as SortedMap<K, V>;
    const sorted = [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    const chunks: Chunk<K, V>[] = [];
    for (let at = 0; at < sorted.length; at += MOST / 2) {
      const part = sorted.slice(at, at + MOST / 2);
      chunks.push({ keys: part.map(([key]) => key), values: part.map(([, value]) => value) });
    }
    return new SortedMap(chunks, map.size);
  }

  #find(key: K): readonly [chunk: number, place: number, found: boolean] {
    const chunks = this.#chunks;
    const at = Math.max(
      0,
      placeOf(chunks.length, (place) => chunks[place]!.keys[0]!, key),
    );
    const keys = chunks[at]?.keys ?? [];
    const place = placeOf(keys.length, (each) => keys[each]!, key);
    return [at, place, keys[place] === key];
  }

  get(key: K): V | undefined {
    const [chunk, place, found] = this.#find(key);
    return found ? this.#chunks[chunk]!.values[place] : undefined;
  }

  has(key: K): boolean {
    return this.#find(key)[2];
  }

  with(key: K, value: V): SortedMap<K, V> {
    const [at, place, found] = this.#find(key);
    const { keys, values } = this.#chunks[at] ?? { keys: [], values: [] };
    if (found) return this.#swap(at, [{ keys, values: values.with(place, value) }], 0);
    const more = { keys: keys.toSpliced(place + 1, 0, key), values: values.toSpliced(place + 1, 0, value) };
    return this.#swap(at, more.keys.length > MOST ? halved(more) : [more], 1);
  }

  without(key: K): SortedMap<K, V> {
    const [at, place, found] = this.#find(key);
    if (!found) return this;
    const { keys, values } = this.#chunks[at]!;
    const less = { keys: keys.toSpliced(place, 1), values: values.toSpliced(place, 1) };
    return this.#swap(at, less.keys.length > 0 ? [less] : [], -1);
  }

  #swap(at: number, by: readonly Chunk<K, V>[], grown: number): SortedMap<K, V> {
    return new SortedMap(this.#chunks.toSpliced(at, 1, ...by), this.size + grown);
  }

  *entries(): MapIterator<[K, V]> {
    for (const { keys, values } of this.#chunks) for (const [at, key] of keys.entries()) yield [key, values[at]!];
  }

  *keys(): MapIterator<K> {
    for (const { keys } of this.#chunks) yield* keys;
  }

  *values(): MapIterator<V> {
    for (const { values } of this.#chunks) yield* values;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  forEach(told: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) told(value, key, this);
  }
}

function halved<K, V>({ keys, values }: Chunk<K, V>): readonly Chunk<K, V>[] {
  const middle = keys.length >> 1;
  return [
    { keys: keys.slice(0, middle), values: values.slice(0, middle) },
    { keys: keys.slice(middle), values: values.slice(middle) },
  ];
}
