/** How each type of exchange picks among its bindings. */
import type { Binding } from "./binding.ts";
import { EMPTY_TABLE, type Field, type Table } from "./wire/fields.ts";
import { TopicTrie } from "./topic-trie.ts";

export interface Router {
  add(binding: Binding): void;
  remove(binding: Binding): void;
  /** Bindings that a message takes. `headers` is asked for only where they matter. */
  match(routingKey: string, headers: () => Table): Iterable<Binding>;
}

export type ExchangeType = "direct" | "fanout" | "topic" | "headers";

export const ROUTERS: Readonly<Record<ExchangeType, () => Router>> = { direct, fanout, topic, headers };

export const isExchangeType = (name: string): name is ExchangeType => Object.hasOwn(ROUTERS, name);

function direct(): Router {
  const byKey = new Map<string, Set<Binding>>();
  return {
    add: (binding) => {
      const same = byKey.get(binding.routingKey);
      if (same === undefined) byKey.set(binding.routingKey, new Set([binding]));
      else same.add(binding);
    },
    remove: (binding) => {
      const same = byKey.get(binding.routingKey);
      if (same?.delete(binding) === true && same.size === 0) byKey.delete(binding.routingKey);
    },
    match: (routingKey) => byKey.get(routingKey) ?? [],
  };
}

function fanout(): Router {
  const all = new Set<Binding>();
  return { add: (binding) => void all.add(binding), remove: (binding) => void all.delete(binding), match: () => all };
}

function topic(): Router {
  const trie = new TopicTrie<Binding>();
  return {
    add: (binding) => trie.add(binding.routingKey, binding),
    remove: (binding) => trie.remove(binding.routingKey, binding),
    match: (routingKey) => trie.match(routingKey),
  };
}

/** `x-match` all (the default) or any over the arguments; those that begin with `x-` count only `-with-x`. */
function headers(): Router {
  const all = new Set<Binding>();
  return {
    add: (binding) => void all.add(binding),
    remove: (binding) => void all.delete(binding),
    match: (_routingKey, headersOf) => {
      const given = headersOf();
      return [...all].filter((binding) => headersMatch(binding.arguments, given));
    },
  };
}

function headersMatch(wanted: Table, given: Table): boolean {
  const match = wanted.get("x-match");
  const mode = match?.type === "S" ? match.value.toString() : "all";
  const rules = [...(wanted.size === 0 ? EMPTY_TABLE : wanted)].filter(
    ([name]) => name !== "x-match" && (mode.endsWith("-with-x") || !name.startsWith("x-")),
  );
  const holds = ([name, field]: readonly [string, Field]): boolean => {
    const there = given.get(name);
    return there !== undefined && (field.type === "V" || sameField(field, there));
  };
  return mode.startsWith("any") ? rules.some(holds) : rules.every(holds);
}

/** Numbers are equal across their widths, as RabbitMQ compares arguments. */
export function sameField(a: Field, b: Field): boolean {
  if (a.type === "V" || b.type === "V") return a.type === b.type;
  if (a.type === "S" || a.type === "x") return (b.type === "S" || b.type === "x") && a.value.equals(b.value);
  if (a.type === "t" || b.type === "t") return a.type === b.type && a.value === b.value;
  if (a.type === "A")
    return (
      b.type === "A" &&
      a.value.length === b.value.length &&
      a.value.every((each, index) => sameField(each, b.value[index] as Field))
    );
  if (a.type === "F") return b.type === "F" && sameTable(a.value, b.value);
  if (b.type === "S" || b.type === "x" || b.type === "A" || b.type === "F") return false;
  if (a.type === "D" || b.type === "D")
    return a.type === "D" && b.type === "D" && a.scale === b.scale && a.value === b.value;
  return Number(a.value) === Number(b.value);
}

export function sameTable(a: Table, b: Table): boolean {
  if (a.size !== b.size) return false;
  for (const [name, field] of a) {
    const other = b.get(name);
    if (other === undefined || !sameField(field, other)) return false;
  }
  return true;
}
