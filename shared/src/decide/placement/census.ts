/**
 * Who carries a label: pods by value, for each label key that somebody has asked about. A key is indexed from the first
 * question on, so that the thousandth application's spread does not count all pods of the other 999 again.
 */
import { matchesAll, type Labels } from "./labels.ts";
import { byText } from "./quantities.ts";

/** The pair of a selector that it is filed under; undefined for one that matches every pod. */
export function firstPair(matchLabels: Labels): readonly [key: string, value: string] | undefined {
  return Object.entries(matchLabels).sort(([a], [b]) => byText(a, b))[0];
}

export interface Census<E> {
  add(entry: E): void;
  delete(entry: E): void;
  /** Those of `all` that match. */
  matching(matchLabels: Labels, all: Iterable<E>): readonly E[];
}

export function createCensus<E>(labelsOf: (entry: E) => Labels): Census<E> {
  const byKey = new Map<string, Map<string, Set<E>>>();
  const file = (key: string, byValue: Map<string, Set<E>>, entry: E): void => {
    const value = labelsOf(entry)[key];
    if (value === undefined) return;
    const carriers = byValue.get(value);
    if (carriers === undefined) byValue.set(value, new Set([entry]));
    else carriers.add(entry);
  };
  return {
    add: (entry) => {
      for (const [key, byValue] of byKey) file(key, byValue, entry);
    },
    delete: (entry) => {
      for (const [key, byValue] of byKey) byValue.get(labelsOf(entry)[key] ?? "")?.delete(entry);
    },
    matching: (matchLabels, all) => {
      const pair = firstPair(matchLabels);
      if (pair === undefined) return [...all];
      const [key, value] = pair;
      let byValue = byKey.get(key);
      if (byValue === undefined) {
        byValue = new Map();
        byKey.set(key, byValue);
        for (const entry of all) file(key, byValue, entry);
      }
      return [...(byValue.get(value) ?? [])].filter((entry) => matchesAll(labelsOf(entry), matchLabels));
    },
  };
}
