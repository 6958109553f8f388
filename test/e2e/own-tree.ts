/**
 * An app that keeps its own tree, as apps of the Rust library do: its methods write the rows of a tree that was put together by
 * hand, and it merges what others wrote by itself. Its state is which of two entries are there, so every order comes to one.
 */
import { bytesOf, type ContextId } from "@shoal/node/model/ids.ts";
import { actions, entryKey, hash, index, indexKey, join, metadata, of, upsert } from "../unit/node/compat/hand.ts";
import { callText, guestText, Layout } from "../unit/node/runtime/guest.ts";
import { wat } from "../support/wat.ts";

const BUILD = "G3";
const REGISTER = 1;
const ENTRIES = { root: of(118), left: of(20), right: of(21) } as const;
type Name = keyof typeof ENTRIES;
/** Of an artifact: how many actions, their tag, and then the first one's id. */
const ID_AT = 6;
const ABOUT = metadata(BUILD, { field: "root" });

/** Methods: `init`, `left`, `right`, and `len`, which only answers. The tree begins at the context, so it is for that one alone. */
export function ownTreeApp(contextId: ContextId): Promise<Uint8Array> {
  const context = bytesOf(contextId);
  const layout = new Layout();
  const written = (names: readonly Name[], made: Name): string => writeText(layout, context, names, made);
  const add = (made: Name, other: Name): string => `
    (if (call $storage_read (i64.const ${layout.buffer(entryKey(ENTRIES[other])).address}) (i64.const ${REGISTER}))
      (then ${written(["root", "left", "right"], made)})
      (else ${written(["root", made], made)}))`;
  const [left, right] = [add("left", "right"), add("right", "left")];
  const init = written(["root"], "root");
  const len = callText(["value_return", layout.result(0, "2")]);
  const room = layout.room(512);
  const input = layout.words(0, 0);
  const sync = `
    (call $input (i64.const ${REGISTER}))
    (i64.store (i32.const ${input.address}) (i64.load (i32.const ${room.address})))
    (i64.store (i32.const ${input.address + 8}) (call $register_len (i64.const ${REGISTER})))
    (drop (call $read_register (i64.const ${REGISTER}) (i64.const ${input.address})))
    ${(["root", "left", "right"] as const)
      .map((name) => {
        const id = `(i32.load8_u offset=${ID_AT} (i32.wrap_i64 (i64.load (i32.const ${input.address}))))`;
        return `(if (i32.eq ${id} (i32.const ${ENTRIES[name][0]})) (then ${{ root: init, left, right }[name]}))`;
      })
      .join("\n")}`;
  return wat(guestText({ init, left, right, len, __calimero_sync_next: sync }, layout, 17));
}

/** Writes the whole tree of `names`, and commits what was made of it. */
function writeText(layout: Layout, context: Uint8Array, names: readonly Name[], made: Name): string {
  const entities = names.map((name) => {
    const id = ENTRIES[name];
    const value = valueOf(name);
    const about = { parent: context, own: hash(value), metadata: ABOUT, deletedChildren: [] };
    return { id, value, ...index(BUILD, { id, ...about }) };
  });
  const children = entities.map(({ id, full }) => ({ id, hash: full })).toSorted((a, b) => Buffer.compare(a.id, b.id));
  const own = { id: context, own: hash(), metadata: metadata(BUILD), deletedChildren: [] };
  const top = index(BUILD, { ...own, children });
  const rows = [
    ...entities.flatMap(({ id, row, value }) => [
      [indexKey(id), row],
      [entryKey(id), value],
    ]),
    [indexKey(context), top.row],
  ] as const;
  const writes = rows.map(([key = own.own, value = own.own]) =>
    callText(["storage_write", layout.buffer(key), layout.buffer(value), REGISTER]),
  );
  const artifact = actions(upsert(0, ENTRIES[made], valueOf(made), ABOUT));
  const commit = callText(["commit", layout.buffer(top.full), layout.buffer(artifact)]);
  return [...writes.map((write) => `(drop ${write})`), commit].join("\n");
}

const valueOf = (name: Name): Buffer => join(Buffer.from(`${name} is here`), ENTRIES[name]);
