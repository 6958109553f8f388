/**
 * The order of characters in a text. A run stands right of a character (or at the beginning); of runs that stand at one
 * place the later comes first, and all of them come before what followed that character in its own run. Walked with a stack
 * of its own: a text typed letter by letter is one long chain.
 */
import { ENTRY } from "./kinds.ts";
import { readRun, type Run } from "./payloads.ts";
import type { State } from "./state.ts";
import { entries } from "./calls/entries.ts";

/** A character that was not deleted. */
export interface Character {
  readonly run: Run;
  readonly offset: number;
  readonly text: string;
}

const START = "";
const place = (run: Uint8Array, offset: number): string => `${Buffer.from(run).toString("latin1")}${offset}`;

/** Characters of a text in order. Runs right of a character that nobody has are left out until somebody has. */
export function charactersOf(state: State, id: Uint8Array): readonly Character[] {
  const standing = new Map<string, Run[]>();
  for (const { data } of entries(state, id, ENTRY.run)) {
    const run = readRun(data);
    const at = run.left === undefined ? START : place(run.left.run, run.left.offset);
    const others = standing.get(at);
    if (others === undefined) standing.set(at, [run]);
    else others.push(run);
  }
  // The smallest key first: the stack takes the last, which is the latest run.
  for (const runs of standing.values()) runs.sort((a, b) => Buffer.compare(a.key, b.key));
  const out: Character[] = [];
  const stack: { readonly run: Run; readonly characters: readonly string[]; next: number }[] = [];
  const push = (at: string): void => {
    for (const run of standing.get(at) ?? []) stack.push({ run, characters: Array.from(run.text), next: 0 });
  };
  push(START);
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const { run, characters, next } = frame;
    const text = characters[next];
    if (text === undefined) {
      stack.pop();
      continue;
    }
    frame.next += 1;
    if (!isDeleted(run, next)) out.push({ run, offset: next, text });
    push(place(run.key, next));
  }
  return out;
}

const isDeleted = (run: Run, offset: number): boolean => (run.deleted[offset >>> 3]! & (1 << (offset & 7))) !== 0;
