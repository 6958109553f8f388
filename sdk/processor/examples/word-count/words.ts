/** What a word is: letters, marks and digits of any script, with apostrophes and hyphens inside; case does not count. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;
/** Longer runs are data, not words. */
const WORD_MAX = 64;

export function wordsOf(text: string): readonly string[] {
  const found = text.normalize("NFC").toLowerCase().match(WORD) ?? [];
  return found.filter((word) => word.length <= WORD_MAX);
}

/** The most frequent first; equal ones by alphabet, so that the same counts give the same list. */
export function topWords(counts: ReadonlyMap<string, number>, top: number): readonly (readonly [string, number])[] {
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, top);
}
