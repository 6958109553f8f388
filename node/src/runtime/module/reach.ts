/**
 * Which functions may call the host. Only while a host function runs can anybody look at the gas meter in the middle of a
 * run; so code after a call that never gets there may be paid together with the code before it.
 */
import type { Scan } from "./scan.ts";
import type { Sections } from "./sections.ts";
import { textOf } from "./types.ts";

/** These end the run: nothing after them is paid for, and nobody asks what was. */
const ENDING: ReadonlySet<string> = new Set(["panic", "panic_utf8"]);

export interface Reach {
  /** Whether a call of the function may come to a host function that returns. */
  direct(functionIndex: number): boolean;
  /** The same of an indirect call through a type. */
  indirect(typeIndex: number): boolean;
}

/** Functions that can be called through a table or a reference. */
export function addressTaken({ elements, globals }: Sections, { referenced }: Scan): ReadonlySet<number> {
  const taken = new Set(referenced);
  for (const { functions } of elements) for (const index of functions) if (index !== undefined) taken.add(index);
  for (const { value } of globals) if (value.function !== undefined) taken.add(value.function);
  return taken;
}

export function reachOf(sections: Sections, scan: Scan): Reach {
  const { types, imports, functions } = sections;
  const typeText = types.map(textOf);
  const typeOf = (index: number): string =>
    typeText[imports[index]?.type ?? functions[index - imports.length] ?? -1] ?? "";
  // Who has to be told when a function, or an indirect call through a type, is found to reach the host.
  const callers = new Map<number | string, (number | string)[]>();
  const tell = (about: number | string, caller: number | string): void => {
    const known = callers.get(about);
    if (known === undefined) callers.set(about, [caller]);
    else known.push(caller);
  };
  for (const [index, { direct, indirect }] of scan.calls.entries()) {
    for (const callee of direct) tell(callee, imports.length + index);
    for (const type of indirect) tell(typeText[type] ?? "", imports.length + index);
  }
  for (const index of addressTaken(sections, scan)) tell(index, typeOf(index));

  const reaching = new Set<number | string>();
  const waiting: (number | string)[] = [];
  for (const [index, { name }] of imports.entries()) if (!ENDING.has(name)) waiting.push(index);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reaching.has(next)) continue;
    reaching.add(next);
    waiting.push(...(callers.get(next) ?? []));
  }
  return {
    direct: (index) => reaching.has(index),
    indirect: (type) => reaching.has(typeText[type] ?? ""),
  };
}
