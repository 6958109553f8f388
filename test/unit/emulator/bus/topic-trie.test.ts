/** The trie against the rule said plainly, for whatever patterns and keys. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TopicTrie } from "@shoal/emulator/bus/topic-trie.ts";
import { topicMatches } from "../../../conformance/bus/topic-oracle.ts";

const wordy = (...words: string[]): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((parts) => parts.join("."));
const patterns = fc.uniqueArray(wordy("a", "b", "*", "#", ""), { maxLength: 12 });
const key = wordy("a", "b", "c", "");

test("matches what the rule matches, each once, also after removals", () => {
  fc.assert(
    fc.property(patterns, patterns, key, (kept, removed, routingKey) => {
      const trie = new TopicTrie<string>();
      for (const pattern of [...kept, ...removed]) trie.add(pattern, pattern);
      for (const pattern of removed) if (!kept.includes(pattern)) trie.remove(pattern, pattern);
      const expected = kept.filter((pattern) => topicMatches(pattern, routingKey));
      expect([...trie.match(routingKey)].sort()).toEqual(expected.sort());
    }),
    { numRuns: 2000 },
  );
});

test("a pattern made to explode costs steps in proportion to its length", () => {
  const trie = new TopicTrie<number>();
  trie.add(Array.from({ length: 60 }, () => "#.a").join("."), 1);
  trie.add(Array.from({ length: 60 }, () => "#.*").join("."), 2);
  const found = trie.match(`${Array.from({ length: 100 }, () => "a").join(".")}.b`);
  expect([...found]).toEqual([2]);
});
