/** The rule of topic patterns said as plainly as possible; the trie and RabbitMQ are both held against it. */
const wordsOf = (text: string): readonly string[] => (text === "" ? [] : text.split("."));

export function topicMatches(pattern: string, key: string): boolean {
  const match = (wanted: readonly string[], given: readonly string[]): boolean => {
    const [first, ...others] = wanted;
    if (first === undefined) return given.length === 0;
    if (first === "#") return given.some((_, at) => match(others, given.slice(at))) || match(others, []);
    const [word, ...rest] = given;
    return word !== undefined && (first === "*" || first === word) && match(others, rest);
  };
  return match(wordsOf(pattern), wordsOf(key));
}
