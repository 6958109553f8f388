/** Artifacts byte by byte, against the library and against the payload written down a second time. */
import { createHash } from "node:crypto";
import * as borsh from "borsh";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStorageDelta, writeStorageDelta, type Action, type ChildInfo } from "@shoal/node/crdt/actions.ts";
import type { CrdtTag, Layout, Metadata, StorageType } from "@shoal/node/crdt/metadata.ts";
import { payloadForSigning, signUserActions } from "@shoal/node/crdt/sign-actions.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const array = (type: borsh.Schema, len?: number): borsh.Schema => ({
  array: len === undefined ? { type } : { type, len },
});
const id: borsh.Schema = array("u8", 32);

function storageSchema(layout: Layout): borsh.Schema {
  const signer = layout === "G2" ? {} : { signer: { option: id } };
  const writer: borsh.Schema = layout === "G3" ? { struct: { account: id, mask: "u8" } } : { struct: { account: id } };
  const signed: borsh.Schema = {
    option: { struct: { signature: array("u8", 64), nonce: "u64", ...signer } },
  };
  return {
    enum: [
      { struct: { Public: { struct: {} } } },
      { struct: { User: { struct: { owner: id, signed } } } },
      { struct: { Frozen: { struct: {} } } },
      { struct: { Shared: { struct: { writers: array(writer), signed } } } },
      { struct: { SharedMember: { struct: { anchor: id, signed } } } },
    ],
  };
}

/** In the order of their tags, with the names that each carries. */
const CRDT_TYPES: Readonly<Record<Layout, readonly (readonly [name: string, ...names: string[]])[]>> = {
  G2: [
    ["LwwRegister", "inner"],
    ["GCounter"],
    ["PnCounter"],
    ["Rga"],
    ["UnorderedMap", "key", "value"],
    ["UnorderedSet", "element"],
    ["Vector", "element"],
    ["UserStorage"],
    ["FrozenStorage"],
    ["Custom", "name"],
  ],
  "G2+": [
    ["LwwRegister", "inner"],
    ["GCounter"],
    ["PnCounter"],
    ["Rga"],
    ["UnorderedMap", "key", "value"],
    ["UnorderedSet", "element"],
    ["Vector", "element"],
    ["UserStorage"],
    ["FrozenStorage"],
    ["SharedStorage"],
    ["Custom", "name"],
  ],
  G3: [
    ["LwwRegister", "inner"],
    ["GCounter"],
    ["PnCounter"],
    ["Rga"],
    ["UnorderedMap", "key", "value"],
    ["SortedMap", "key", "value"],
    ["UnorderedSet", "element"],
    ["SortedSet", "element"],
    ["Vector", "element"],
    ["UserStorage"],
    ["FrozenStorage"],
    ["SharedStorage"],
    ["Custom", "name"],
    ["RotationLog"],
  ],
};

const crdtSchema = (layout: Layout): borsh.Schema => ({
  enum: CRDT_TYPES[layout].map(([name, ...names]) => ({
    struct: { [name]: { struct: Object.fromEntries(names.map((each) => [each, "string" as const])) } },
  })),
});

function crdtValue({ tag, names }: CrdtTag, layout: Layout): unknown {
  const [name, ...keys] = CRDT_TYPES[layout][tag]!;
  return { [name]: Object.fromEntries(keys.map((key, at) => [key, names[at]])) };
}

function deltaSchema(layout: Layout): borsh.Schema {
  const metadata: borsh.Schema = {
    struct: {
      created: "u64",
      updated: "u64",
      storage: storageSchema(layout),
      crdt: { option: crdtSchema(layout) },
      field: { option: "string" },
      ...(layout === "G3" ? { schema: { option: "u32" } } : {}),
    },
  };
  const child: borsh.Schema = { struct: { id, hash: id, metadata } };
  const upsert: borsh.Schema = { struct: { id, data: array("u8"), ancestors: array(child), metadata } };
  const action = {
    enum: [
      { struct: { Add: upsert } },
      { struct: { Compare: { struct: { id } } } },
      { struct: { DeleteRef: { struct: { id, deletedAt: "u64", metadata } } } },
      { struct: { Update: upsert } },
    ],
  };
  return { enum: [{ struct: { Actions: array(action) } }] };
}

function storageValue(storage: StorageType): unknown {
  const signed = (value: { signature: Uint8Array; nonce: bigint; signer?: Uint8Array } | undefined): unknown =>
    value === undefined ? null : { ...value, signer: value.signer ?? null };
  switch (storage.kind) {
    case "public":
      return { Public: {} };
    case "user":
      return { User: { owner: storage.owner, signed: signed(storage.signed) } };
    case "frozen":
      return { Frozen: {} };
    case "shared":
      return {
        Shared: {
          writers: storage.writers.map(([account, mask]) => ({ account, mask })),
          signed: signed(storage.signed),
        },
      };
    case "shared-member":
      return { SharedMember: { anchor: storage.anchor, signed: signed(storage.signed) } };
  }
}

const metadataValue = (metadata: Metadata, layout: Layout): unknown => ({
  created: metadata.createdAt,
  updated: metadata.updatedAt,
  storage: storageValue(metadata.storage),
  crdt: metadata.crdt === undefined ? null : crdtValue(metadata.crdt, layout),
  field: metadata.field ?? null,
  schema: metadata.schemaVersion ?? null,
});

function actionValue(action: Action, layout: Layout): unknown {
  const metadata = metadataValue(action.metadata, layout);
  if (action.kind === "delete") return { DeleteRef: { id: action.id, deletedAt: action.deletedAt, metadata } };
  const ancestors = action.ancestors.map((each) => ({
    id: each.id,
    hash: each.merkleHash,
    metadata: metadataValue(each.metadata, layout),
  }));
  return { [action.kind === "add" ? "Add" : "Update"]: { id: action.id, data: action.data, ancestors, metadata } };
}

function actionsOf(layout: Layout): fc.Arbitrary<readonly Action[]> {
  const signed = fc.option(
    fc.record(
      { signature: bytes(64), nonce: u64, ...(layout === "G2" ? {} : { signer: bytes(32) }) },
      { requiredKeys: ["signature", "nonce"] },
    ),
    { nil: undefined },
  );
  const withSigned = <T extends object>(value: T, each: unknown): T =>
    each === undefined ? value : { ...value, signed: each };
  const kinds: fc.Arbitrary<StorageType>[] = [
    fc.constant({ kind: "public" }),
    fc.tuple(bytes(32), signed).map(([owner, each]) => withSigned({ kind: "user" as const, owner }, each)),
    fc.constant({ kind: "frozen" }),
  ];
  if (layout !== "G2") {
    kinds.push(
      fc
        .tuple(fc.array(fc.tuple(bytes(32), layout === "G3" ? fc.nat(7) : fc.constant(7)), { maxLength: 3 }), signed)
        .map(([writers, each]) => withSigned({ kind: "shared" as const, writers }, each)),
    );
  }
  if (layout === "G3") {
    kinds.push(
      fc.tuple(bytes(32), signed).map(([anchor, each]) => withSigned({ kind: "shared-member" as const, anchor }, each)),
    );
  }
  const metadata: fc.Arbitrary<Metadata> = fc.record(
    {
      createdAt: u64,
      updatedAt: u64,
      storage: fc.oneof(...kinds),
      crdt: fc
        .tuple(fc.nat(CRDT_TYPES[layout].length - 1), fc.string(), fc.string())
        .map(([tag, ...names]) => ({ tag, names: names.slice(0, CRDT_TYPES[layout][tag]!.length - 1) })),
      field: fc.string(),
      ...(layout === "G3" ? { schemaVersion: fc.nat(9) } : {}),
    },
    { requiredKeys: ["createdAt", "updatedAt", "storage"] },
  ) as fc.Arbitrary<Metadata>;
  const upsert = fc.record({
    kind: fc.constantFrom("add" as const, "update" as const),
    id: bytes(32),
    data: fc.uint8Array({ maxLength: 50 }),
    ancestors: fc.array(fc.record({ id: bytes(32), merkleHash: bytes(32), metadata }), { maxLength: 2 }),
    metadata,
  });
  const removal = fc.record({ kind: fc.constant("delete" as const), id: bytes(32), deletedAt: u64, metadata });
  return fc.array(fc.oneof(upsert, removal), { maxLength: 5 });
}

/** The payloads of the first two of `actions`, an upsert and a deletion by a user, written down a second time. */
function writtenAgain(layout: Layout, actions: readonly Action[]): { upsert: string; removal: string } {
  const [add, gone] = actions;
  if (add?.kind !== "add" || gone?.kind !== "delete" || add.metadata.storage.kind !== "user") throw new Error("order");
  const { createdAt, updatedAt, storage } = add.metadata;
  const le = (value: bigint): Buffer => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(value);
    return buffer;
  };
  const hash = (...parts: Uint8Array[]): string => createHash("sha256").update(Buffer.concat(parts)).digest("hex");
  if (layout === "G2") {
    // version ‖ id ‖ data ‖ ancestors ‖ created ‖ updated ‖ storage type with an empty signature.
    const tail = [le(createdAt), le(updatedAt), borsh.serialize(storageSchema(layout), storageValue(storage))];
    const [parent] = add.ancestors;
    return {
      upsert: hash(Buffer.from("v1_upsert"), add.id, add.data, parent!.id, parent!.merkleHash, ...tail),
      removal: hash(Buffer.from("v1_delete"), gone.id, le(gone.deletedAt), ...tail),
    };
  }
  // version ‖ id ‖ data ‖ the tag of users ‖ owner ‖ there is a nonce ‖ nonce.
  const tail = [Uint8Array.of(2), storage.owner, Uint8Array.of(1), le(storage.signed!.nonce)];
  return {
    upsert: hash(Buffer.from("v2_upsert"), add.id, add.data, ...tail),
    removal: hash(Buffer.from("v2_delete"), gone.id, le(gone.deletedAt), ...tail),
  };
}

describe.each(["G2", "G2+", "G3"] as const)("of %s", (layout) => {
  test("are what the library writes, and are read back", () => {
    fc.assert(
      fc.property(actionsOf(layout), (actions) => {
        const artifact = writeStorageDelta({ layout, actions });
        expect(artifact).toEqual(
          borsh.serialize(deltaSchema(layout), { Actions: actions.map((action) => actionValue(action, layout)) }),
        );
        const read = readStorageDelta(artifact, [layout]);
        expect(writeStorageDelta(read)).toEqual(artifact);
        expect(read.actions).toHaveLength(actions.length);
        // Nobody says which layout a guest has: what fits another as well must at least come out as it came in.
        expect(writeStorageDelta(readStorageDelta(artifact))).toEqual(artifact);
        if (actions.some(({ metadata: { storage } }) => storage.kind === "user" && storage.signed !== undefined)) {
          expect(readStorageDelta(artifact).layout).toBe(layout);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("are signed where a user's action is unsigned and its owner's, and nowhere else", () => {
    const owner = new Uint8Array(32).fill(4);
    const zero = new Uint8Array(64);
    const user = (who: Uint8Array, signature: Uint8Array): Metadata => ({
      createdAt: 1n,
      updatedAt: 2n,
      storage: { kind: "user", owner: who, signed: { signature, nonce: 7n } },
    });
    const id = new Uint8Array(32).fill(1);
    const data = Uint8Array.of(1, 2, 3);
    const ancestor: ChildInfo = {
      id: new Uint8Array(32).fill(2),
      merkleHash: new Uint8Array(32).fill(3),
      metadata: user(owner, zero),
    };
    const actions: Action[] = [
      { kind: "add", id, data, ancestors: [ancestor], metadata: user(owner, zero) },
      { kind: "delete", id, deletedAt: 9n, metadata: user(owner, zero) },
      { kind: "update", id, data, ancestors: [], metadata: user(new Uint8Array(32).fill(5), zero) },
      { kind: "update", id, data, ancestors: [], metadata: user(owner, new Uint8Array(64).fill(6)) },
      { kind: "add", id, data, ancestors: [], metadata: { createdAt: 1n, updatedAt: 2n, storage: { kind: "public" } } },
    ];
    const artifact = writeStorageDelta({ layout, actions });
    const signed = signUserActions(artifact, owner, (payload) => Buffer.concat([payload, payload]));
    const delta = readStorageDelta(signed, [layout]);
    const signatures = delta.actions.map(({ metadata: { storage } }) =>
      storage.kind === "user" ? Buffer.from(storage.signed!.signature).toString("hex") : undefined,
    );
    const { upsert, removal } = writtenAgain(layout, actions);
    expect(signatures).toEqual([upsert + upsert, removal + removal, "00".repeat(64), "06".repeat(64), undefined]);
    expect(Buffer.from(payloadForSigning(delta.actions[0]!, layout)).toString("hex")).toBe(upsert);
    expect(signUserActions(signed, owner, () => zero)).toBe(signed);
  });
});

test("what is no delta comes back unsigned as it was, and what compares is refused", () => {
  const other = Uint8Array.of(1, 2, 3);
  expect(signUserActions(other, new Uint8Array(32), () => new Uint8Array(64))).toBe(other);
  expect(() => readStorageDelta(Uint8Array.of(1, 0, 0, 0, 0))).toThrow(/no storage delta/);
  const compare = Buffer.concat([Uint8Array.of(0, 1, 0, 0, 0, 1), new Uint8Array(32)]);
  expect(() => readStorageDelta(compare)).toThrow(/no storage delta/);
});
