import { describe, expect, test } from "vitest";
import { writeMetadata } from "@shoal/node/crdt/metadata.ts";
import { BorshWriter } from "@shoal/node/model/borsh.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { expiredRows } from "@shoal/node/storage/merkle/expired.ts";
import { guestEntryKey, guestIndexKey } from "@shoal/node/storage/merkle/row-keys.ts";
import { entitiesOf, verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { memoryRows, type MemoryRows } from "../crdt/memory-rows.ts";
import { CONTEXT, Replica, utf8 } from "../crdt/replica.ts";

const id = new Uint8Array(32).fill(9);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const verify = (rows: MemoryRows): ReturnType<typeof verifyTree> => verifyTree((key) => rows.get(key), CONTEXT);

describe("of the host's layout", () => {
  const replica = new Replica(1);
  replica.run((c) => {
    c.map.createWithId(id);
    for (let n = 0; n < 60; n++) c.map.insert(id, utf8(`key${n}`), utf8(`${n}`));
    c.counter.increment(c.counter.create());
    c.shared.set(c.shared.create(replica.identity.publicKey, false), utf8("value"));
    c.persistRootState(utf8("{}"), 1n);
  });

  test("verifies, and walks every entity, children first", () => {
    expect(verify(replica.rows)).toMatchObject({ ok: true, entities: 60 + 1 + 2 + 3 + 2 });
    const entities = [...entitiesOf((key) => replica.rows.get(key), CONTEXT)];
    expect(entities.at(-1)).toMatchObject({ id: CONTEXT, parent: undefined });
    expect(entities.map(({ hash }) => hex(hash)).at(-1)).toBe(replica.root);
    expect(entities.filter(({ parent }) => parent !== undefined && hex(parent) === hex(id))).toHaveLength(60);
    for (const { rows } of entities) for (const key of rows) expect(replica.rows.get(key)).toBeDefined();
  });

  test("an empty state has the root of all zeros", () => {
    expect(verify(memoryRows())).toEqual({ ok: true, root: new Uint8Array(32), entities: 1 });
  });

  test("says what is wrong and where, whichever row is changed or lost", () => {
    let checked = 0;
    for (const [key, value] of replica.rows.entries()) {
      // The clock is a node's own, and what was written to a shared cell without counting is not in the tree.
      if (key[1] === 0x6b || key[1] === 0x73) continue;
      checked += 1;
      const lost = replica.rows.copy();
      lost.remove(key);
      // Without the context's own node there is no tree at all: then the root differs from what is known.
      const without = verify(lost);
      if (without.ok) expect(hex(without.root)).toBe("00".repeat(32));
      const changed = replica.rows.copy();
      const other = Uint8Array.from(value);
      // A signature is not part of the tree: the last byte is, everywhere.
      other[other.length - 1]! ^= 1;
      changed.set(key, other);
      const verified = verify(changed);
      if (verified.ok) expect(hex(verified.root)).not.toBe(replica.root);
      else expect(verified.where).toMatch(/^[0-9a-f]{64}(\/[0-9a-f]*)?$/);
    }
    expect(checked).toBeGreaterThan(70);
  });

  test("says which entity stands where it must not", () => {
    const rows = replica.rows.copy();
    const keys = [...rows.entries()].filter(([key]) => key[1] === 0x65);
    rows.set(keys[0]![0], keys[1]![1]);
    expect(verify(rows)).toMatchObject({ ok: false });
  });
});

describe("of a guest's layout", () => {
  interface Node {
    readonly id: Uint8Array;
    readonly value?: Uint8Array;
    readonly children?: readonly Node[];
    readonly deletedAt?: bigint;
  }
  const metadata = { createdAt: 1n, updatedAt: 2n, storage: { kind: "public" } } as const;

  /** Writes the rows as a Rust app's storage does; the node's full hash. */
  function write(rows: MemoryRows, node: Node, layout: "G2" | "G3", parent?: Uint8Array): Uint8Array {
    const children = (node.children ?? []).map((child) => ({
      id: child.id,
      hash: write(rows, child, layout, node.id),
    }));
    const own = node.value === undefined ? new Uint8Array(32) : sha256(node.value);
    // By id in the later generation, which stores them in another order all the same.
    const hashed = layout === "G3" ? children.toSorted((a, b) => Buffer.compare(a.id, b.id)) : children;
    const full = sha256(own, ...hashed.map(({ hash }) => hash));
    const writer = new BorshWriter().fixed(node.id).option(parent, (inner, each) => inner.fixed(each));
    writer.option(children.length === 0 ? undefined : children, (inner, list) =>
      inner.vec(list, (each, child) => {
        each.fixed(child.id).fixed(child.hash);
        writeMetadata(each, metadata, layout);
      }),
    );
    writer.fixed(full).fixed(own);
    writeMetadata(writer, metadata, layout);
    writer.option(node.deletedAt, (inner, at) => inner.u64(at));
    // The later generation has a list of deleted children behind it.
    if (layout === "G3") writer.u32(0);
    rows.set(guestIndexKey(node.id), writer.done());
    if (node.value !== undefined) rows.set(guestEntryKey(node.id), node.value);
    return full;
  }
  const leaf = (n: number): Node => ({ id: new Uint8Array(32).fill(n), value: utf8(`value ${n}`) });
  const tree: Node = {
    id: CONTEXT,
    children: [{ ...leaf(118), children: [{ ...leaf(6), children: [leaf(5), leaf(4)] }, leaf(3)] }],
  };

  test.each(["G2", "G3"] as const)("verifies rows of %s, and says what is wrong in them", (layout) => {
    const rows = memoryRows();
    const root = write(rows, tree, layout);
    const verified = verify(rows);
    expect(verified.ok && hex(verified.root)).toBe(hex(root));
    expect([...entitiesOf((key) => rows.get(key), CONTEXT)].map((entity) => entity.id[0])).toEqual([
      5, 4, 6, 3, 118, 1,
    ]);
    const changed = rows.copy();
    changed.set(guestEntryKey(leaf(5).id), utf8("other"));
    expect(verify(changed)).toEqual({
      ok: false,
      where: "05".repeat(32),
      problem: "the entity has another value than its hash says",
    });
    const lost = rows.copy();
    lost.remove(guestIndexKey(leaf(6).id));
    expect(verify(lost)).toMatchObject({ ok: false, where: "06".repeat(32) });
  });

  test.each(["G2", "G3"] as const)("tells which tombstones of %s have expired", (layout) => {
    const rows = memoryRows();
    write(rows, { id: leaf(7).id, deletedAt: 100n }, layout);
    write(rows, { id: leaf(8).id, deletedAt: 200n }, layout);
    write(rows, leaf(9), layout);
    // Written again after it was deleted: the time of deletion stays, and so must the entity.
    write(rows, { id: CONTEXT, children: [{ ...leaf(10), deletedAt: 100n }] }, layout);
    const gone = [...rows.entries()].flatMap(([key, value]) => [
      ...expiredRows(key, value, { get: (other) => rows.get(other), context: CONTEXT, beforeNs: 150n }),
    ]);
    expect(gone.map(hex)).toEqual([hex(guestIndexKey(leaf(7).id))]);
    expect(verify(rows)).toMatchObject({ ok: true, entities: 2 });
  });

  test("a value that only looks like a deleted index is left alone", () => {
    const rows = memoryRows();
    write(rows, { ...leaf(7), deletedAt: 100n }, "G2");
    const index = rows.get(guestIndexKey(leaf(7).id))!;
    const expiry = { get: () => undefined, context: CONTEXT, beforeNs: 150n };
    expect(expiredRows(new Uint8Array(32).fill(1), index, expiry)).toEqual([]);
  });
});

test("leaves alone whatever rows an app names itself", () => {
  const expiry = { get: () => undefined, context: CONTEXT, beforeNs: 2n ** 63n };
  const value = utf8("any value of an app, longer than a key is");
  for (const name of ["c", "e", "n", "s", "k"]) {
    for (const length of [1, 31, 33, 34, 35, 36, 60]) {
      const key = utf8(name.padEnd(length, "name"));
      expect(expiredRows(key, value, expiry)).toEqual([]);
      expect(expiredRows(Buffer.concat([Uint8Array.of(0xff), key]), value, expiry)).toEqual([]);
    }
  }
});

test("collects what has expired in the host's layout, and neither root nor answers change", () => {
  const replica = new Replica(1);
  const other = new Uint8Array(32).fill(10);
  const made = replica.run((c) => {
    c.map.createWithId(id);
    c.authoredVector.createWithId(other);
    for (let n = 0; n < 40; n++) c.map.insert(id, utf8(`key${n}`), utf8("value"));
    c.authoredVector.push(other, utf8("mine"));
  });
  const guest = new Replica(2);
  guest.apply(made);
  replica.apply(guest.run((c) => void c.authoredVector.push(other, utf8("theirs"))));
  // Later than all that was seen, so that stamps are the clock's.
  replica.clock += 1_000n;
  replica.run((c) => {
    for (let n = 0; n < 30; n++) c.map.remove(id, utf8(`key${n}`));
  });
  const expired = replica.clock;
  replica.clock += 1_000_000n;
  replica.run((c) => {
    for (let n = 30; n < 35; n++) c.map.remove(id, utf8(`key${n}`));
    c.deleteCollection(other);
  });
  const collect = (beforeNs: bigint): number => {
    const expiry = { get: (key: Uint8Array) => replica.rows.get(key), context: CONTEXT, beforeNs };
    const gone = [...replica.rows.entries()].flatMap(([key, value]) => [...expiredRows(key, value, expiry)]);
    for (const key of gone) replica.rows.remove(key);
    return gone.length;
  };
  const before = replica.read((c) => c.map.iter(id));
  expect(collect(expired + 1n)).toBe(30);
  // The rest of the tombstones, the deleted collection, and what was left of it.
  expect(collect(replica.clock + 1n)).toBeGreaterThanOrEqual(5 + 1 + 2);
  expect(replica.recomputed()).toBe(replica.root);
  expect(replica.read((c) => c.map.iter(id))).toEqual(before);
  expect([...replica.rows.entries()].filter(([key]) => key[1] === 0x65)).toHaveLength(5);
  expect(collect(replica.clock + 1n)).toBe(0);
});
