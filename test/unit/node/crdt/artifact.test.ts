/** Artifacts byte by byte, against the library and against the payload written down a second time. */
import { createHash } from "node:crypto";
import * as borsh from "borsh";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStorageDelta, writeStorageDelta, type Action } from "@shoal/node/crdt/actions.ts";
import type { Layout, Metadata, StorageType } from "@shoal/node/crdt/metadata.ts";
import { payloadForSigning, signUserActions } from "@shoal/node/crdt/sign-actions.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const array = (type: borsh.Schema, len?: number): borsh.Schema => ({
  array: len === undefined ? { type } : { type, len },
});
const id: borsh.Schema = array("u8", 32);

function storageSchema(layout: Layout): borsh.Schema {
  const signer = layout === "G3+" ? { signer: { option: id } } : {};
  const signed: borsh.Schema = {
    option: { struct: { signature: array("u8", 64), nonce: "u64", ...signer } },
  };
  return {
    enum: [
      { struct: { Public: { struct: {} } } },
      { struct: { User: { struct: { owner: id, signed } } } },
      { struct: { Frozen: { struct: {} } } },
      { struct: { Shared: { struct: { writers: array({ struct: { account: id, mask: "u8" } }), signed } } } },
      { struct: { SharedMember: { struct: { anchor: id, ...(layout === "G3+" ? { signed } : {}) } } } },
    ],
  };
}

function deltaSchema(layout: Layout): borsh.Schema {
  const metadata: borsh.Schema = {
    struct: {
      created: "u64",
      updated: "u64",
      storage: storageSchema(layout),
      crdt: { option: "u8" },
      field: { option: "string" },
      ...(layout === "G2" ? {} : { schema: { option: "u32" } }),
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

const metadataValue = (metadata: Metadata): unknown => ({
  created: metadata.createdAt,
  updated: metadata.updatedAt,
  storage: storageValue(metadata.storage),
  crdt: metadata.crdt?.tag ?? null,
  field: metadata.field ?? null,
  schema: metadata.schemaVersion ?? null,
});

function actionValue(action: Action): unknown {
  const metadata = metadataValue(action.metadata);
  if (action.kind === "delete") return { DeleteRef: { id: action.id, deletedAt: action.deletedAt, metadata } };
  const ancestors = action.ancestors.map((each) => ({
    id: each.id,
    hash: each.merkleHash,
    metadata: metadataValue(each.metadata),
  }));
  return { [action.kind === "add" ? "Add" : "Update"]: { id: action.id, data: action.data, ancestors, metadata } };
}

function actionsOf(layout: Layout): fc.Arbitrary<readonly Action[]> {
  const signed = fc.option(
    fc.record(
      { signature: bytes(64), nonce: u64, ...(layout === "G3+" ? { signer: bytes(32) } : {}) },
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
        .tuple(fc.array(fc.tuple(bytes(32), fc.nat(7)), { maxLength: 3 }), signed)
        .map(([writers, each]) => withSigned({ kind: "shared" as const, writers }, each)),
      fc
        .tuple(bytes(32), layout === "G3+" ? signed : fc.constant(undefined))
        .map(([anchor, each]) => withSigned({ kind: "shared-member" as const, anchor }, each)),
    );
  }
  const metadata: fc.Arbitrary<Metadata> = fc.record(
    {
      createdAt: u64,
      updatedAt: u64,
      storage: fc.oneof(...kinds),
      crdt: fc.nat(8).map((tag) => ({ tag })),
      field: fc.string(),
      ...(layout === "G2" ? {} : { schemaVersion: fc.nat(9) }),
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

describe.each(["G2", "G3", "G3+"] as const)("of %s", (layout) => {
  test("are what the library writes, and are read back", () => {
    fc.assert(
      fc.property(actionsOf(layout), (actions) => {
        const artifact = writeStorageDelta({ layout, actions });
        expect(artifact).toEqual(borsh.serialize(deltaSchema(layout), { Actions: actions.map(actionValue) }));
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
    const ancestor = {
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
    // version ‖ id ‖ data ‖ ancestors ‖ created ‖ updated ‖ storage type with an empty signature, written down a second time.
    const le = (value: bigint): Buffer => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64LE(value);
      return buffer;
    };
    const storage = borsh.serialize(storageSchema(layout), storageValue(user(owner, zero).storage));
    const hash = (...parts: Uint8Array[]): string => createHash("sha256").update(Buffer.concat(parts)).digest("hex");
    const tail = [le(1n), le(2n), storage];
    const upsert = hash(Buffer.from("v1_upsert"), id, data, ancestor.id, ancestor.merkleHash, ...tail);
    const removal = hash(Buffer.from("v1_delete"), id, le(9n), ...tail);
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
