/** What others may not write: refused as a whole, changing nothing; or kept without counting, where only time tells. */
import { beforeEach, describe, expect, test } from "vitest";
import { HOST_LAYOUT, readStorageDelta, writeStorageDelta, type Action } from "@shoal/node/crdt/actions.ts";
import { attachSignatures } from "@shoal/node/crdt/attach-signatures.ts";
import type { Collections, StampWindow } from "@shoal/node/crdt/contract.ts";
import { CollectionError } from "@shoal/node/crdt/error.ts";
import { payloadForSigning, signUserActions } from "@shoal/node/crdt/sign-actions.ts";
import { ENTRY } from "@shoal/node/crdt/kinds.ts";
import { entryId, writeWriters } from "@shoal/node/crdt/payloads.ts";
import { decodeEntity } from "@shoal/node/storage/merkle/entity-row.ts";
import { entitiesOf } from "@shoal/node/storage/merkle/walk.ts";
import { CONTEXT, identity, Replica, textOf, utf8 } from "./replica.ts";

const ids = Array.from({ length: 7 }, (_, at) => new Uint8Array(32).fill(40 + at));
const [user, authored, vector, shared, frozen, map, text] = ids as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const k = utf8("k");

let alice: Replica;
let mallory: Replica;
beforeEach(() => {
  [alice, mallory] = [new Replica(1), new Replica(2)];
  mallory.apply(
    alice.run((c) => {
      c.userStorage.createWithId(user);
      c.authoredMap.createWithId(authored);
      c.authoredVector.createWithId(vector);
      c.shared.createWithId(shared, alice.identity.publicKey, false);
      c.frozenStorage.createWithId(frozen);
      c.map.createWithId(map);
      c.text.createWithId(text);
      c.userStorage.insert(user, k);
      c.authoredMap.insert(authored, k, k);
      c.authoredVector.push(vector, k);
      c.shared.set(shared, k);
      c.frozenStorage.add(frozen, k);
      c.map.insert(map, k, k);
      c.text.insert(text, 0n, k);
    }),
  );
});

/** What mallory's node would say if it let mallory act as `executor` and signed with mallory's key. */
function forge(call: (c: Collections) => void, executor = alice.identity.publicKey): Uint8Array {
  const collections = mallory.open({ executor, sign: (message) => mallory.identity.sign(message) });
  call(collections);
  return collections.flush()!.artifact;
}

function altered(artifact: Uint8Array, change: (action: Action) => Action): Uint8Array {
  const delta = readStorageDelta(artifact);
  return writeStorageDelta({ ...delta, actions: delta.actions.map(change) });
}

function expectRefused(artifact: Uint8Array, message: RegExp, window?: StampWindow): void {
  const before = [...alice.rows.entries()];
  const collections = alice.open();
  let thrown: unknown;
  try {
    collections.applyDelta(artifact, window);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CollectionError);
  expect((thrown as Error).message).toMatch(message);
  expect(collections.flush()).toBeUndefined();
  expect([...alice.rows.entries()]).toEqual(before);
}

describe("refuses, and changes nothing", () => {
  test.each<[string, (c: Collections) => void]>([
    ["a user's slot", (c) => c.userStorage.insert(user, utf8("forged"))],
    ["the removal of a user's slot", (c) => c.userStorage.remove(user)],
    ["an authored entry", (c) => c.authoredMap.update(authored, k, utf8("forged"))],
    ["the removal of an authored entry", (c) => c.authoredMap.remove(authored, k)],
    ["an authored element", (c) => c.authoredVector.update(vector, 0n, utf8("forged"))],
    ["a writer's value", (c) => c.shared.set(shared, utf8("forged"))],
    ["a writer's rotation", (c) => c.shared.rotateWriters(shared, mallory.identity.publicKey)],
  ])("%s under another's signature", (_name, call) => {
    expectRefused(forge(call), /signature is not its owner's/);
  });

  test("the whole delta for one forged action in it", () => {
    const artifact = forge((c) => {
      c.map.insert(map, utf8("fine"), k);
      c.userStorage.insert(user, utf8("forged"));
    });
    expectRefused(artifact, /signature/);
    expect(alice.read((c) => c.map.contains(map, utf8("fine")))).toBe(false);
  });

  test("a signature that was left out, and one that is bound to another time", () => {
    const fine = mallory.run((c) => void c.userStorage.insert(user, k));
    const strip = (action: Action): Action => ({
      ...action,
      metadata: { ...action.metadata, storage: { kind: "user", owner: mallory.identity.publicKey } },
    });
    expectRefused(altered(fine, strip), /signature is missing/);
    const later = (action: Action): Action => ({
      ...action,
      metadata: { ...action.metadata, updatedAt: action.metadata.updatedAt + 1n },
    });
    expectRefused(altered(fine, later), /signature/);
  });

  test("an owned entry that claims to be anybody's, and the other way round", () => {
    const fine = mallory.run((c) => void c.userStorage.insert(user, k));
    const open = (action: Action): Action => ({
      ...action,
      metadata: { ...action.metadata, storage: { kind: "public" } },
    });
    expectRefused(altered(fine, open), /is user/);
    const plain = mallory.run((c) => void c.map.insert(map, k, utf8("2")));
    const owned = (action: Action): Action => ({
      ...action,
      metadata: { ...action.metadata, storage: { kind: "frozen" } },
    });
    expectRefused(altered(plain, owned), /is public/);
  });

  test("an entry that stands where it does not belong", () => {
    const fine = mallory.run((c) => void c.map.insert(map, utf8("x"), k));
    expectRefused(
      altered(fine, (action) => ({ ...action, id: new Uint8Array(32).fill(3) })),
      /id that is not its own/,
    );
    const moved = (action: Action): Action =>
      action.kind === "delete" ? action : { ...action, ancestors: [{ ...action.ancestors[0]!, id: user }] };
    expectRefused(altered(fine, moved), /id that is not its own/);
  });

  test("another value under a frozen key, and the end of what is frozen", () => {
    const fine = mallory.run((c) => void c.frozenStorage.add(frozen, utf8("new")));
    const other = (action: Action): Action =>
      action.kind === "delete" ? action : { ...action, data: Buffer.concat([action.data.subarray(0, 6), utf8("xxx")]) };
    expectRefused(altered(fine, other), /id that is not its own/);
    const gone = (action: Action): Action =>
      action.kind === "delete"
        ? action
        : { ...action, data: Buffer.concat([Uint8Array.of(1), action.data.subarray(1)]) };
    expectRefused(altered(fine, gone), /never deleted/);
    const made = mallory.run((c) => void c.frozenStorage.create());
    expectRefused(altered(made, gone), /not deleted by a tombstone/);
  });

  test("an authored entry that claims to have been there earlier", () => {
    const fine = mallory.run((c) => void c.authoredMap.insert(authored, utf8("x"), k));
    const early = (action: Action): Action => {
      const metadata = { ...action.metadata, createdAt: 0n };
      const { storage } = metadata;
      if (storage.kind !== "user" || storage.signed === undefined) return action;
      const signature = mallory.identity.sign(payloadForSigning({ ...action, metadata }, HOST_LAYOUT));
      return {
        ...action,
        metadata: { ...metadata, storage: { ...storage, signed: { ...storage.signed, signature } } },
      };
    };
    expectRefused(altered(fine, early), /claims no earlier time/);
  });

  test("stamps outside of what the delta's place allows", () => {
    const fine = mallory.run((c) => void c.map.insert(map, k, utf8("2")));
    const [action] = readStorageDelta(fine).actions;
    const at = action!.metadata.updatedAt;
    expectRefused(fine, /before what it follows/, { afterNs: at });
    expectRefused(fine, /too far ahead/, { untilNs: at - 1n });
    alice.apply(fine, { afterNs: at - 1n, untilNs: at });
    expect(textOf(alice.read((c) => c.map.get(map, k)))).toBe("2");
  });

  test("what is no delta, of no known kind, or has no parent", () => {
    const fine = mallory.run((c) => void c.map.insert(map, k, utf8("2")));
    expectRefused(Uint8Array.of(9, 9, 9), /cannot be read/);
    for (let length = 1; length < fine.length; length++)
      expectRefused(fine.subarray(0, length), /cannot be read|expected/);
    const data =
      (bytes: number[]) =>
      (action: Action): Action =>
        action.kind === "delete" ? action : { ...action, data: Uint8Array.from(bytes) };
    expectRefused(altered(fine, data([])), /flag and kind/);
    expectRefused(altered(fine, data([2, 32])), /flag and kind/);
    expectRefused(altered(fine, data([0, 200])), /no known kind/);
    expectRefused(altered(fine, data([0, 32, 9, 9])), /cannot be read/);
    expectRefused(
      altered(fine, (action) => ({ ...action, ancestors: [] })),
      /exactly one ancestor/,
    );
    const { id, metadata } = readStorageDelta(fine).actions[0]!;
    const removal = writeStorageDelta({
      layout: HOST_LAYOUT,
      actions: [{ kind: "delete", id, deletedAt: 5n, metadata }],
    });
    expectRefused(removal, /by a write of its entry/);
    const top =
      (bytes: number[]) =>
      (action: Action): Action =>
        action.kind === "delete"
          ? action
          : { ...action, data: Uint8Array.from(bytes), ancestors: [{ ...action.ancestors[0]!, id: CONTEXT }] };
    expectRefused(altered(fine, top([0, 99])), /known kind alone/);
    expectRefused(altered(fine, top([0, 64, 0, 0, 0, 0])), /id of its own/);
  });
});

describe("keeps without counting", () => {
  test("what somebody outside of a writer set signs for a shared cell: neither root nor value change", () => {
    const root = alice.root;
    const artifact = forge((c) => {
      // A node that does not check: mallory takes a set of its own for the first.
      c.shared.createWithId(new Uint8Array(32).fill(77), mallory.identity.publicKey, false);
      c.shared.set(new Uint8Array(32).fill(77), utf8("mine"));
    }, mallory.identity.publicKey);
    alice.apply(artifact);
    expect(alice.root).not.toBe(root);
    const before = alice.root;
    const outsider = new Replica(4);
    outsider.apply(mallory.run((c) => void c.map.insert(map, k, k)));
    // The outsider believes in a cell of its own under alice's id.
    const taken = outsider.run((c) => {
      c.shared.createWithId(shared, outsider.identity.publicKey, false);
      c.shared.set(shared, utf8("taken over"));
    });
    const delta = readStorageDelta(taken);
    const late = writeStorageDelta({
      ...delta,
      actions: delta.actions.filter(({ metadata }) => metadata.storage.kind === "user"),
    });
    alice.apply(late);
    expect(alice.root).toBe(before);
    expect(textOf(alice.read((c) => c.shared.get(shared)))).toBe("k");
    expect(alice.recomputed()).toBe(before);
  });

  test("a rotation that an outsider signed", () => {
    const [, genesis] = readCellIds();
    const writers = { previous: genesis, frozen: false, writers: [mallory.identity.publicKey], carried: undefined };
    const data = writeWriters(writers);
    const owner = mallory.identity.publicKey;
    const updatedAt = alice.clock + 5n;
    const action = (signature: Uint8Array): Action => ({
      kind: "add",
      id: entryId("writers", shared, data, owner),
      data: Buffer.concat([Uint8Array.of(0), data]),
      ancestors: [
        {
          id: shared,
          merkleHash: new Uint8Array(32),
          metadata: { createdAt: 0n, updatedAt: 0n, storage: { kind: "public" } },
        },
      ],
      metadata: {
        createdAt: updatedAt,
        updatedAt,
        storage: { kind: "user", owner, signed: { signature, nonce: updatedAt } },
      },
    });
    const signature = mallory.identity.sign(payloadForSigning(action(new Uint8Array(64)), HOST_LAYOUT));
    const { root } = alice;
    alice.apply(writeStorageDelta({ layout: HOST_LAYOUT, actions: [action(signature)] }));
    expect(alice.root).toBe(root);
    expect(alice.read((c) => c.shared.writers(shared))).toEqual(Buffer.from(alice.identity.publicKey));

    /** The ids below alice's cell: what counts of it. */
    function readCellIds(): [slot: Uint8Array, writers: Uint8Array] {
      const below = [...entitiesOf((key) => alice.rows.get(key), CONTEXT)].filter(
        ({ parent }) => parent !== undefined && Buffer.compare(parent, shared) === 0,
      );
      const kind = ({ rows }: (typeof below)[number]): number => {
        const row = alice.rows.get(rows[0]!)!;
        return decodeEntity(new Uint8Array(32), row).write.data[0]!;
      };
      const of = (wanted: number): Uint8Array => below.find((entity) => kind(entity) === wanted)!.id;
      return [of(ENTRY.sharedSlot), of(ENTRY.writers)];
    }
  });

  test("a rotation by somebody who is no longer a writer", () => {
    const bob = new Replica(3);
    const both = Buffer.concat([alice.identity.publicKey, bob.identity.publicKey]);
    const cell = new Uint8Array(32).fill(88);
    const made = alice.run((c) => void c.shared.createWithId(cell, both, false));
    bob.apply(made);
    const removal = alice.run((c) => c.shared.rotateWriters(cell, alice.identity.publicKey));
    bob.clock += 1_000n;
    const late = bob.run((c) => {
      c.shared.set(cell, utf8("late"));
      c.shared.rotateWriters(cell, bob.identity.publicKey);
    });
    alice.apply(late);
    bob.apply(removal);
    for (const each of [alice, bob]) {
      expect(each.read((c) => c.shared.writers(cell))).toEqual(Buffer.from(alice.identity.publicKey));
      expect(each.read((c) => c.shared.get(cell))).toBeUndefined();
    }
  });
});

test("an artifact that is signed after the run verifies elsewhere, and its rows get the same signatures", () => {
  const collections = alice.open({ sign: undefined as never });
  collections.userStorage.insert(user, utf8("new"));
  collections.map.insert(map, k, utf8("new"));
  const { artifact, rootHash } = collections.flush()!;
  expectUnsigned(artifact);
  const signed = signUserActions(artifact, alice.identity.publicKey, (payload) => alice.identity.sign(payload));
  attachSignatures(alice.rows, signed);
  mallory.apply(signed);
  expect(mallory.root).toBe(Buffer.from(rootHash).toString("hex"));
  expect(alice.recomputed()).toBe(mallory.root);
  const entries = (replica: Replica): unknown[] => [...replica.rows.entries()].filter(([key]) => key[1] === 0x65);
  expect(entries(mallory)).toEqual(entries(alice));

  function expectUnsigned(bytes: Uint8Array): void {
    const other = new Replica(9);
    other.apply(mallory.run((c) => void c.map.insert(map, k, k)));
    expect(() => other.apply(bytes)).toThrow(/signature is not its owner's/);
  }
});

test("a mutated delta never does more than be refused or merge", () => {
  const artifact = mallory.run((c) => {
    c.userStorage.insert(user, k);
    c.text.insert(text, 1n, utf8("héllo"));
    c.counter.increment(c.counter.create());
    c.shared.create(identity(2).publicKey, false);
    c.vector.push(c.vector.create(), k);
  });
  for (let at = 0; at < artifact.length; at++) {
    for (const bit of [1, 0x80]) {
      const mutated = Uint8Array.from(artifact);
      mutated[at]! ^= bit;
      const victim = new Replica(5, alice.rows.copy());
      try {
        victim.apply(mutated);
      } catch (error) {
        expect(error).toBeInstanceOf(CollectionError);
        continue;
      }
      victim.recomputed();
      victim.read((c) => [c.text.text(text), c.userStorage.get(user)]);
    }
  }
});
