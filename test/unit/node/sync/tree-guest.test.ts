/** Trees that Rust apps keep, in the rows of each build of their library: what differs is found, told, and put into actions. */
import { readStorageDelta } from "@shoal/node/crdt/actions.ts";
import { artifactsOf } from "@shoal/node/sync/protocols/tree-artifact.ts";
import type { TreeWrite } from "@shoal/node/sync/protocols/tree-contract.ts";
import { describe, expect, test } from "vitest";
import {
  actions,
  byte,
  entryKey,
  FROZEN,
  hash,
  index,
  indexKey,
  join,
  metadata,
  of,
  removal,
  shared,
  signed,
  u32,
  user,
  type Build,
} from "../compat/hand.ts";
import { memoryRows, type MemoryRows } from "../crdt/memory-rows.ts";
import { CONTEXT } from "../crdt/replica.ts";
import { differences, peerOf, stateOf } from "./tree-rig.ts";

interface Made {
  readonly id: Uint8Array;
  readonly value?: string;
  readonly about?: Uint8Array;
  readonly children?: readonly Made[];
}

const deleted = (build: Build): { deletedChildren?: readonly Uint8Array[] } =>
  build === "G2" ? {} : { deletedChildren: [] };

/** Writes the rows of a tree, without recursion; its hash. */
function write(rows: MemoryRows, build: Build, root: Made): Buffer {
  const order: { readonly made: Made; readonly parent: Uint8Array | undefined }[] = [{ made: root, parent: undefined }];
  for (let at = 0; at < order.length; at++) {
    const { made } = order[at]!;
    for (const child of made.children ?? []) order.push({ made: child, parent: made.id });
  }
  const hashes = new Map<Made, Buffer>();
  for (const { made, parent } of order.toReversed()) {
    const value = made.value === undefined ? undefined : Buffer.from(made.value);
    const { row, full } = index(build, {
      id: made.id,
      ...(parent === undefined ? {} : { parent }),
      children: (made.children ?? []).map((child) => ({ id: child.id, hash: hashes.get(child)! })),
      own: value === undefined ? hash() : hash(value),
      metadata: made.about ?? metadata(build),
      ...deleted(build),
    });
    hashes.set(made, full);
    rows.set(indexKey(made.id), row);
    if (value !== undefined) rows.set(entryKey(made.id), value);
  }
  return hashes.get(root)!;
}

function tombstone(rows: MemoryRows, build: Build, id: Uint8Array, at: bigint, about = metadata(build)): void {
  const { row } = index(build, { id, parent: CONTEXT, own: of(3), metadata: about, deletedAt: at, ...deleted(build) });
  rows.set(indexKey(id), row);
}

const idOf = (n: number): Uint8Array => hash(u32(n));
const entries = (count: number, changed: ReadonlyMap<number, string> = new Map()): Made[] =>
  Array.from({ length: count }, (_, n) => ({ id: idOf(n), value: changed.get(n) ?? `value ${n}` }));
const compared = (mine: MemoryRows, theirs: MemoryRows): ReturnType<typeof differences> =>
  differences(stateOf(mine, "guest"), peerOf(theirs, "guest"));
const ids = (writes: readonly TreeWrite[]): string[] =>
  writes.map(({ entity }) => Buffer.from(entity.id).toString("hex")).sort();
const hex = (...all: readonly Uint8Array[]): string[] => all.map((id) => Buffer.from(id).toString("hex")).sort();

describe.each(["G2", "G2+", "G3"] as const)("of %s", (build) => {
  test("tells what was changed, added, and deleted on either side, each as its action", async () => {
    const [mine, theirs] = [memoryRows(), memoryRows()];
    const map = (children: readonly Made[]): Made => ({
      id: CONTEXT,
      children: [{ id: of(7), value: "map", children }],
    });
    write(mine, build, map([...entries(5), { id: of(20), value: "mine" }, { id: of(22), value: "deleted there" }]));
    write(
      theirs,
      build,
      map([
        ...entries(5, new Map([[3, "changed"]])),
        { id: of(21), value: "theirs" },
        { id: of(23), value: "deleted here" },
      ]),
    );
    tombstone(theirs, build, of(22), 9n);
    tombstone(mine, build, of(23), 8n);
    const { need, have } = await compared(mine, theirs);
    expect(ids(need)).toEqual(hex(idOf(3), of(21), of(22), of(23)));
    expect(ids(have)).toEqual(hex(idOf(3), of(20), of(22), of(23)));

    const told = artifactsOf(need.filter(({ entity }) => [21, 22].includes(entity.id[0]!)));
    expect(told.unsaid).toEqual([]);
    const ancestors = join(u32(1), of(7), Buffer.alloc(32), metadata(build));
    const added = join(byte(3), of(21), u32(6), Buffer.from("theirs"), ancestors, metadata(build));
    expect(Buffer.from(told.artifacts[0]!)).toEqual(actions(added, removal(of(22), 9n, metadata(build))));
  });

  test("40,000 children in one list cost a few requests where one differs", async () => {
    const [mine, theirs] = [memoryRows(), memoryRows()];
    const count = build === "G3" ? 40_000 : 2_000;
    write(mine, build, { id: CONTEXT, children: entries(count) });
    write(theirs, build, { id: CONTEXT, children: entries(count, new Map([[count - 7, "changed"]])) });
    const { need, difference } = await compared(mine, theirs);
    expect(ids(need)).toEqual(hex(idOf(count - 7)));
    expect(difference.requests).toBeLessThanOrEqual(9);
    expect(difference.bytes).toBeLessThan(20_000);
  });
});

test("a chain of 10,000 entities takes few requests and no recursion", async () => {
  const chain = (last: string): Made => {
    let made: Made = { id: idOf(9_999), value: last };
    for (let n = 9_998; n >= 0; n--) made = { id: idOf(n), value: "link", children: [made] };
    return { id: CONTEXT, children: [made] };
  };
  const [mine, theirs] = [memoryRows(), memoryRows()];
  write(mine, "G3", chain("mine"));
  write(theirs, "G3", chain("theirs"));
  const { need, have, difference } = await compared(mine, theirs);
  expect([ids(need), ids(have)]).toEqual([hex(idOf(9_999)), hex(idOf(9_999))]);
  expect(difference.requests).toBeLessThan(40);

  const onlyTheirs = await compared(memoryRows(), theirs);
  expect(onlyTheirs.need).toHaveLength(10_001);
  const order = onlyTheirs.need.map(({ entity }) => Buffer.from(entity.id).toString("hex"));
  // Parents before their children.
  expect(order.slice(1)).toEqual(Array.from({ length: 10_000 }, (_, n) => Buffer.from(idOf(n)).toString("hex")));
});

test("an empty replica is told all of a wide tree, and goes on from a cursor within it", async () => {
  const theirs = memoryRows();
  write(theirs, "G3", {
    id: CONTEXT,
    children: [
      { id: of(7), value: "map", children: entries(1_000) },
      { id: of(200), value: "x" },
    ],
  });
  const mine = stateOf(memoryRows(), "empty");
  const whole = await differences(mine, peerOf(theirs, "guest"));
  expect(new Set(ids(whole.need)).size).toBe(1_003);
  const half = whole.need[500]!.entity.id;
  const rest = await differences(mine, peerOf(theirs, "guest"), {
    from: [of(7), half].map((id) => Buffer.from(id).toString("hex")),
  });
  expect(ids(rest.need)).toEqual(ids(whole.need.slice(501)));
});

describe("what rows do not suffice to say is named", () => {
  const SIGNATURE = Buffer.alloc(64, 5);
  const made = async (build: Build, about: Uint8Array): Promise<ReturnType<typeof artifactsOf>> => {
    const theirs = memoryRows();
    write(theirs, build, { id: CONTEXT, children: [{ id: of(9), value: "value", about }] });
    const { need } = await compared(memoryRows(), theirs);
    return artifactsOf(need.filter(({ entity }) => entity.id[0] === 9));
  };

  test("a signature of the first generation is over the tree around it", async () => {
    const { artifacts, unsaid } = await made(
      "G2",
      metadata("G2", { storage: user(of(4), signed("G2", SIGNATURE, 2n)) }),
    );
    expect([artifacts, unsaid]).toMatchObject([[], [{ because: expect.stringContaining("delta alone") }]]);
  });

  test.each(["G2+", "G3"] as const)("signatures of %s come along, and frozen values need none", async (build) => {
    for (const storage of [
      user(of(4), signed(build, SIGNATURE, 2n)),
      shared(build, [of(4)], signed(build, SIGNATURE, 2n, of(4))),
      FROZEN,
    ]) {
      const { artifacts, unsaid } = await made(build, metadata(build, { storage }));
      expect(unsaid).toEqual([]);
      const [action] = readStorageDelta(artifacts[0]!).actions;
      expect(action).toMatchObject({ kind: "update", data: new Uint8Array(Buffer.from("value")) });
      expect(Buffer.from(artifacts[0]!).includes(storage)).toBe(true);
    }
  });

  test("the signature of a deletion is in no row", async () => {
    const [mine, theirs] = [memoryRows(), memoryRows()];
    const about = metadata("G3", { storage: user(of(4), signed("G3", SIGNATURE, 2n)) });
    write(mine, "G3", { id: CONTEXT, children: [{ id: of(9), value: "value", about }] });
    write(theirs, "G3", { id: CONTEXT });
    tombstone(theirs, "G3", of(9), 9n, about);
    const { need } = await compared(mine, theirs);
    expect(artifactsOf(need.filter(({ entity }) => entity.id[0] === 9))).toMatchObject({
      artifacts: [],
      unsaid: [{ because: expect.stringContaining("deletion") }],
    });
  });
});

test("rows of two builds go into actions of two", () => {
  const entity = (build: Build, n: number): TreeWrite => ({
    kind: "guest",
    parent: undefined,
    entity: {
      layout: build,
      id: of(n),
      parent: of(7),
      metadata: { createdAt: 1n, updatedAt: 2n, storage: { kind: "public" } },
      deletedAt: undefined,
      value: Buffer.from("value"),
    },
  });
  const { artifacts } = artifactsOf([entity("G3", 1), entity("G3", 2), entity("G2", 3)]);
  expect(artifacts.map((artifact) => readStorageDelta(artifact).actions.length)).toEqual([2, 1]);
});
