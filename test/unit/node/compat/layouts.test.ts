/** What the published builds of the Rust library write, against what the node reads, signs and writes back. */
import { readStorageDelta, writeStorageDelta } from "@shoal/node/crdt/actions.ts";
import { signUserActions } from "@shoal/node/crdt/sign-actions.ts";
import { decodeEntityIndex, hashWithChildren, inHashOrder } from "@shoal/node/storage/merkle/entity-index.ts";
import { expect, test } from "vitest";
import {
  actions,
  byte,
  FROZEN,
  hash,
  index,
  join,
  member,
  metadata,
  NONE,
  of,
  removal,
  shared,
  signed,
  some,
  text,
  u32,
  u64,
  UNSIGNED,
  upsert,
  user,
  type Build,
} from "./hand.ts";

const KEY = of(4);
const OTHER = of(5);
const DATA = Buffer.from("value");

test("a collection says the types of its keys and values, and the field that it is", () => {
  const map = join(byte(4), text("alloc::string::String"), text("Register<alloc::string::String>"));
  const artifact = actions(upsert(0, of(1), DATA, metadata("G3", { crdt: map, field: "items" })));
  const { layout, actions: read } = readStorageDelta(artifact);
  expect(layout).toBe("G3");
  expect(read[0]?.metadata).toMatchObject({
    crdt: { tag: 4, names: ["alloc::string::String", "Register<alloc::string::String>"] },
    field: "items",
  });
});

interface CrdtType {
  readonly type: string;
  /** How many names follow the tag. */
  readonly names: number;
  /** The tag in each build; absent where the build does not have the type. */
  readonly tags: Readonly<Partial<Record<Build, number>>>;
}

const CRDT_TYPES: readonly CrdtType[] = [
  { type: "LwwRegister", names: 1, tags: { G2: 0, "G2+": 0, G3: 0 } },
  { type: "GCounter", names: 0, tags: { G2: 1, "G2+": 1, G3: 1 } },
  { type: "PnCounter", names: 0, tags: { G2: 2, "G2+": 2, G3: 2 } },
  { type: "Rga", names: 0, tags: { G2: 3, "G2+": 3, G3: 3 } },
  { type: "UnorderedMap", names: 2, tags: { G2: 4, "G2+": 4, G3: 4 } },
  { type: "SortedMap", names: 2, tags: { G3: 5 } },
  { type: "UnorderedSet", names: 1, tags: { G2: 5, "G2+": 5, G3: 6 } },
  { type: "SortedSet", names: 1, tags: { G3: 7 } },
  { type: "Vector", names: 1, tags: { G2: 6, "G2+": 6, G3: 8 } },
  { type: "UserStorage", names: 0, tags: { G2: 7, "G2+": 7, G3: 9 } },
  { type: "FrozenStorage", names: 0, tags: { G2: 8, "G2+": 8, G3: 10 } },
  { type: "SharedStorage", names: 0, tags: { "G2+": 9, G3: 11 } },
  { type: "Custom", names: 1, tags: { G2: 9, "G2+": 10, G3: 12 } },
  { type: "RotationLog", names: 0, tags: { G3: 13 } },
];

test.each(["G2", "G2+", "G3"] as const)("every CRDT type of %s has its tag and its names", (build) => {
  let beyond = 0;
  for (const { type, names: count, tags } of CRDT_TYPES) {
    const tag = tags[build];
    if (tag === undefined) continue;
    beyond = Math.max(beyond, tag + 1);
    const names = ["a", "b"].slice(0, count);
    const crdt = join(byte(tag), ...names.map(text));
    const artifact = actions(upsert(0, of(1), DATA, metadata(build, { crdt, field: "f" })));
    const { actions: read } = readStorageDelta(artifact, [build]);
    expect(read[0]?.metadata.crdt, type).toEqual({ tag, names });
    expect(writeStorageDelta(readStorageDelta(artifact))).toEqual(new Uint8Array(artifact));
  }
  const unknown = actions(upsert(0, of(1), DATA, metadata(build, { crdt: byte(beyond) })));
  expect(() => readStorageDelta(unknown, [build])).toThrow(/no storage delta/);
});

interface Payloads {
  readonly upsert: Buffer;
  readonly removal: Buffer;
}

/** The first builds sign the tree as the author saw it; all others who may write what. */
function payloadsOf(build: Build, nonce: bigint): Payloads {
  if (build === "G2") {
    const tail = join(u64(1n), u64(2n), user(KEY, signed(build, UNSIGNED, nonce)));
    return {
      upsert: hash(Buffer.from("v1_upsert"), of(1), DATA, tail),
      removal: hash(Buffer.from("v1_delete"), of(1), u64(9n), tail),
    };
  }
  const tail = join(byte(2), KEY, some(u64(nonce)));
  return {
    upsert: hash(Buffer.from("v2_upsert"), of(1), DATA, tail),
    removal: hash(Buffer.from("v2_delete"), of(1), u64(9n), tail),
  };
}

test.each(["G2", "G2+", "G3"] as const)("a user's entries of %s are signed as its guests verify them", (build) => {
  const write = (signature: Uint8Array, removed: Uint8Array): Buffer =>
    actions(
      upsert(0, of(1), DATA, metadata(build, { storage: user(KEY, signed(build, signature, 7n)) })),
      removal(of(1), 9n, metadata(build, { storage: user(KEY, signed(build, removed, 7n)) })),
      upsert(3, of(2), DATA, metadata(build, { storage: user(OTHER, signed(build, UNSIGNED, 7n)) })),
      upsert(0, of(3), DATA, metadata(build, { storage: FROZEN })),
    );
  const payloads = payloadsOf(build, 7n);
  const asked: string[] = [];
  const result = signUserActions(write(UNSIGNED, UNSIGNED), KEY, (payload) => {
    asked.push(Buffer.from(payload).toString("hex"));
    return Buffer.alloc(64, asked.length);
  });
  expect(asked).toEqual([payloads.upsert, payloads.removal].map((each) => each.toString("hex")));
  expect(result).toEqual(new Uint8Array(write(Buffer.alloc(64, 1), Buffer.alloc(64, 2))));
});

test.each(["G2+", "G3"] as const)("shared entries of %s are signed by the writer that they name", (build) => {
  const writers = [KEY, OTHER];
  const by = (signer: Uint8Array, signature: Uint8Array): Buffer =>
    metadata(build, { storage: shared(build, writers, signed(build, signature, 8n, signer)) });
  const write = (signature: Uint8Array): Buffer =>
    actions(upsert(3, of(1), DATA, by(KEY, signature)), upsert(3, of(2), DATA, by(OTHER, UNSIGNED)));
  const mask = build === "G3" ? [byte(7)] : [];
  const tail = join(byte(3), u32(2), KEY, ...mask, OTHER, ...mask, some(u64(8n)), some(KEY));
  const payload = hash(Buffer.from("v2_upsert"), of(1), DATA, tail);
  const result = signUserActions(write(UNSIGNED), KEY, (each) => Buffer.concat([each, each]));
  expect(result).toEqual(new Uint8Array(write(join(payload, payload))));
});

test("a member of a shared domain is signed for its anchor, whose writers it does not repeat", () => {
  const about = (signature: Uint8Array): Buffer =>
    metadata("G3", { storage: member(of(9), signed("G3", signature, 8n, KEY)), schema: 0 });
  const payload = hash(Buffer.from("v2_upsert"), of(1), DATA, byte(4), of(9), some(u64(8n)), some(KEY));
  const result = signUserActions(actions(upsert(0, of(1), DATA, about(UNSIGNED))), KEY, (each) => join(each, each));
  expect(result).toEqual(new Uint8Array(actions(upsert(0, of(1), DATA, about(join(payload, payload))))));
});

test("what a causal delta says after its actions stays as it is when they are signed", () => {
  const about = (signature: Uint8Array): Buffer => metadata("G3", { storage: user(KEY, signed("G3", signature, 7n)) });
  // The delta's id, its stamp, and who may write the anchor of a shared domain.
  const tail = join(of(1), u64(5n), Buffer.alloc(16, 6), u32(1), of(9), u32(1), KEY, byte(7));
  const causal = (signature: Uint8Array): Buffer =>
    join(byte(2), actions(upsert(0, of(1), DATA, about(signature))).subarray(1), tail);
  const result = signUserActions(causal(UNSIGNED), KEY, () => Buffer.alloc(64, 3));
  expect(result).toEqual(new Uint8Array(causal(Buffer.alloc(64, 3))));
});

const CHILDREN = [
  { id: of(7), hash: of(70) },
  { id: of(3), hash: of(30) },
];

test.each([
  ["G2", undefined],
  ["G2+", undefined],
  ["G2+", []],
  ["G3", []],
  ["G3", [of(1), of(2)]],
] as const)("an index of %s reads to its end, whatever is known of deleted children: %#", (build, deletedChildren) => {
  const about = metadata(build, { storage: user(KEY, signed(build, UNSIGNED, 3n)), field: "notes" });
  const { row, full } = index(build, {
    id: of(1),
    parent: of(2),
    children: CHILDREN,
    own: of(10),
    metadata: about,
    deletedAt: 5n,
    ...(deletedChildren === undefined ? {} : { deletedChildren }),
  });
  const read = decodeEntityIndex(row);
  expect(read).toMatchObject({ layout: build, deletedAt: 5n, metadata: { field: "notes" } });
  expect(row.subarray(read!.hashesAt, read!.hashesAt + 32)).toEqual(full);
  expect(row.subarray(read!.metadataAt, read!.metadataAt + about.length)).toEqual(about);
  expect(read!.children.map(({ hashAt }) => row[hashAt])).toEqual([70, 30]);
  expect(decodeEntityIndex(join(row, NONE))).toBeUndefined();
  expect(decodeEntityIndex(row.subarray(0, -1))).toBeUndefined();
});

test("children are hashed by id; those of earlier builds as they are stored", () => {
  const { row } = index("G3", {
    id: of(1),
    children: CHILDREN,
    own: of(10),
    metadata: metadata("G3"),
    deletedChildren: [],
  });
  expect(inHashOrder(decodeEntityIndex(row)!).map(({ id }) => id[0])).toEqual([3, 7]);
  const older = Buffer.from(row);
  older.set(hash(of(10), of(70), of(30)), decodeEntityIndex(row)!.hashesAt);
  const read = decodeEntityIndex(older)!;
  expect(inHashOrder(read).map(({ id }) => id[0])).toEqual([7, 3]);
  expect(Buffer.from(hashWithChildren(read.ownHash, inHashOrder(read)))).toEqual(hash(of(10), of(70), of(30)));
});
