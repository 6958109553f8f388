/** Text: runs of characters, each standing right of another character; see `text-document.ts` for their order. */
import type { TextCalls } from "../contract.ts";
import { CollectionError } from "../error.ts";
import { MAX_RUN, RUN_KEY_BYTES, readRun, writeRun } from "../payloads.ts";
import type { State } from "../state.ts";
import { charactersOf, type Character } from "../text-document.ts";
import { create, createWithId, entries, open, put, u64 } from "./entries.ts";
import { ENTRY } from "../kinds.ts";

const NAME = "text";

export function textCalls(state: State): TextCalls {
  const cached = new Map<string, { readonly version: number; readonly characters: readonly Character[] }>();
  const read = (id: Uint8Array): readonly Character[] => {
    open(state, NAME, id);
    const key = Buffer.from(id).toString("latin1");
    const known = cached.get(key);
    if (known?.version === state.version) return known.characters;
    const characters = charactersOf(state, id);
    cached.set(key, { version: state.version, characters });
    return characters;
  };
  return {
    create: () => create(state, NAME),
    createWithId: (id) => createWithId(state, NAME, id),
    insert(id, index, bytes) {
      const characters = read(id);
      if (index > BigInt(characters.length)) throw beyond(index, characters.length);
      const points = Array.from(decoded(bytes));
      let left = index === 0n ? undefined : leftOf(characters[Number(index) - 1]!);
      for (let at = 0; at < points.length; at += MAX_RUN) {
        const part = points.slice(at, at + MAX_RUN);
        const key = runKey(state);
        const deleted = new Uint8Array((part.length + 7) >>> 3);
        put(state, id, "run", writeRun({ key, left, text: part.join(""), deleted }));
        left = { run: key, offset: part.length - 1 };
      }
    },
    delete(id, index) {
      const characters = read(id);
      const character = characters[Number(index)];
      if (index >= BigInt(characters.length) || character === undefined) throw beyond(index, characters.length);
      const { run, offset } = character;
      const deleted = Uint8Array.from(run.deleted);
      deleted[offset >>> 3]! |= 1 << (offset & 7);
      put(state, id, "run", writeRun({ ...run, deleted }));
    },
    text: (id) =>
      new TextEncoder().encode(
        read(id)
          .map(({ text }) => text)
          .join(""),
      ),
    len: (id) => u64(read(id).length),
  };
}

/** Deletes every character. */
export function clearText(state: State, id: Uint8Array): void {
  for (const { data } of Array.from(entries(state, id, ENTRY.run))) {
    const run = readRun(data);
    put(state, id, "run", writeRun({ ...run, deleted: new Uint8Array(run.deleted.length).fill(0xff) }));
  }
}

const leftOf = ({ run, offset }: Character): { run: Uint8Array; offset: number } => ({ run: run.key, offset });

/** Later than every run that this replica has seen, so that what is typed into a text stands where it was typed. */
function runKey(state: State): Uint8Array {
  const key = Buffer.alloc(RUN_KEY_BYTES);
  key.writeBigUInt64BE(state.stamp());
  key.set(state.env.random(RUN_KEY_BYTES - 8), 8);
  return key;
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CollectionError("the text is not UTF-8", "invalid_argument", cause);
  }
}

function beyond(index: bigint, length: number): CollectionError {
  return new CollectionError(`index ${index} is beyond the text's ${length} characters`);
}
