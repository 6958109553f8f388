/**
 * Shared cells: who may write one, and what it holds. Writer sets form a tree (each names the one it follows); the chain that
 * counts begins with the earliest first set and goes on with the earliest set that a member of the one before signed. The
 * value is the latest of what the chain's last set carried over and what its members wrote. All of this is a function of
 * what was written to the cell, so every replica has the same chain once it has the same deltas; what does not count is kept,
 * since it may come to count, but is not part of the tree.
 */
import { ownHash, type Write } from "../storage/merkle/entity-row.ts";
import { ENTRY } from "./kinds.ts";
import { readValue, readWriters, type Writers } from "./payloads.ts";
import type { State } from "./state.ts";

const text = (id: Uint8Array): string => Buffer.from(id).toString("latin1");

interface Stated {
  readonly id: Uint8Array;
  readonly write: Write;
}

interface StatedSet extends Stated {
  readonly set: Writers;
}

export interface Cell {
  /** The writer set that counts. */
  readonly id: Uint8Array;
  readonly set: Writers;
  readonly value: { readonly stamp: bigint; readonly value: Uint8Array } | undefined;
  /** Entries that count: the set and its members' writes. */
  readonly counting: readonly Stated[];
}

/** Undefined before a first writer set is known. */
export function readCell(state: State, cell: Uint8Array): Cell | undefined {
  const sets: StatedSet[] = [];
  const slots: Stated[] = [];
  for (const id of state.sharedTrie(cell).ids()) {
    const write = state.live(cell, id);
    if (write?.data[0] === ENTRY.writers) sets.push({ id, write, set: readWriters(write.data) });
    else if (write !== undefined) slots.push({ id, write });
  }
  const last = lastOf(sets);
  if (last === undefined) return undefined;
  const counting = slots.filter(({ write }) => isMember(last.set, write.owner));
  let value = last.set.carried;
  for (const { write } of counting) {
    const candidate = { stamp: write.updatedAt, value: readValue(write.data) };
    if (value === undefined || isLater(candidate, value)) value = candidate;
  }
  return { id: last.id, set: last.set, value, counting: [last, ...counting] };
}

/** Puts into the tree what counts of a cell, and nothing else. */
export function linkShared(state: State, cell: Uint8Array): void {
  const counting = readCell(state, cell)?.counting ?? [];
  const trie = state.trie(cell);
  const wanted = new Set(counting.map(({ id }) => text(id)));
  for (const id of Array.from(trie.ids())) if (!wanted.has(text(id))) trie.remove(id);
  for (const { id, write } of counting) trie.set(id, ownHash(write));
}

export const isMember = (set: Writers, key: Uint8Array | undefined): boolean =>
  key !== undefined && set.writers.some((writer) => Buffer.compare(writer, key) === 0);

function lastOf(sets: readonly StatedSet[]): StatedSet | undefined {
  const following = new Map<string, StatedSet[]>();
  for (const each of sets) {
    const previous = each.set.previous === undefined ? "" : text(each.set.previous);
    const siblings = following.get(previous);
    if (siblings === undefined) following.set(previous, [each]);
    else siblings.push(each);
  }
  let last = earliest(following.get("") ?? []);
  while (last !== undefined && !last.set.frozen) {
    const { set, id } = last;
    const next = earliest((following.get(text(id)) ?? []).filter(({ write }) => isMember(set, write.owner)));
    if (next === undefined) return last;
    last = next;
  }
  return last;
}

function earliest(sets: readonly StatedSet[]): StatedSet | undefined {
  let first: StatedSet | undefined;
  for (const each of sets) {
    if (first === undefined || isBefore(each, first)) first = each;
  }
  return first;
}

function isBefore(a: StatedSet, b: StatedSet): boolean {
  if (a.write.updatedAt !== b.write.updatedAt) return a.write.updatedAt < b.write.updatedAt;
  return Buffer.compare(a.id, b.id) < 0;
}

function isLater(a: { stamp: bigint; value: Uint8Array }, b: { stamp: bigint; value: Uint8Array }): boolean {
  return a.stamp === b.stamp ? Buffer.compare(a.value, b.value) > 0 : a.stamp > b.stamp;
}
