import { beforeEach, describe, expect, test } from "vitest";
import type { Collections } from "@shoal/node/crdt/contract.ts";
import { CollectionError } from "@shoal/node/crdt/error.ts";
import { listed, number, Replica, textOf, utf8 } from "./replica.ts";

let replica: Replica;
beforeEach(() => {
  replica = new Replica(1);
});
const id = new Uint8Array(32).fill(9);
const k = utf8("k");

/** Runs `call`, and then `check` in a run of its own, so that what is checked came from the rows. */
function afterwards(call: (collections: Collections) => void, check: (collections: Collections) => void): void {
  replica.run(call);
  replica.read(check);
  expect(replica.root).toBe(replica.recomputed());
}

describe("collections answer", () => {
  test.each(["map", "sortedMap"] as const)("as a %s", (name) => {
    afterwards(
      (c) => {
        c[name].createWithId(id);
        expect(c[name].insert(id, k, utf8("1"))).toBeUndefined();
        expect(textOf(c[name].insert(id, k, utf8("2")))).toBe("1");
        c[name].insert(id, utf8("b"), utf8("x"));
        c[name].insert(id, utf8("a"), utf8("y"));
        expect(textOf(c[name].remove(id, utf8("b")))).toBe("x");
        expect(c[name].remove(id, utf8("b"))).toBeUndefined();
      },
      (c) => {
        expect(textOf(c[name].get(id, k))).toBe("2");
        expect(c[name].contains(id, utf8("b"))).toBe(false);
        const pairs = listed(c[name].iter(id));
        expect(Buffer.from(c[name].iter(id)).readUInt32LE()).toBe(2);
        if (name === "sortedMap") expect(pairs).toEqual(["a", "y", "k", "2"]);
        else expect(pairs.toSorted()).toEqual(["2", "a", "k", "y"]);
      },
    );
  });

  test.each(["set", "sortedSet"] as const)("as a %s", (name) => {
    afterwards(
      (c) => {
        c[name].createWithId(id);
        for (const value of ["c", "a", "b"]) expect(c[name].insert(id, utf8(value))).toBe(true);
        expect(c[name].insert(id, utf8("a"))).toBe(false);
        expect(c[name].remove(id, utf8("a"))).toBe(true);
        expect(c[name].remove(id, utf8("a"))).toBe(false);
      },
      (c) => {
        expect(number(c[name].len(id))).toBe(2);
        expect(name === "set" ? listed(c[name].iter(id)).toSorted() : listed(c[name].iter(id))).toEqual(["b", "c"]);
      },
    );
    afterwards(
      (c) => c[name].clear(id),
      (c) => expect(number(c[name].len(id))).toBe(0),
    );
  });

  test("as a vector, in order however long it is", () => {
    afterwards(
      (c) => {
        c.vector.createWithId(id);
        for (let at = 0; at < 300; at++) c.vector.push(id, utf8(String(at)));
        expect(textOf(c.vector.pop(id))).toBe("299");
      },
      (c) => {
        expect(number(c.vector.len(id))).toBe(299);
        for (const at of [0, 1, 15, 16, 17, 255, 256, 298])
          expect(textOf(c.vector.get(id, BigInt(at)))).toBe(String(at));
        expect(c.vector.get(id, 299n)).toBeUndefined();
        expect(c.vector.get(id, 2n ** 64n - 1n)).toBeUndefined();
      },
    );
  });

  test("as a register, with the time of its last write", () => {
    afterwards(
      (c) => {
        c.register.createWithId(id);
        expect(c.register.get(id)).toBeUndefined();
        expect(c.register.timestamp(id)).toBeUndefined();
        replica.clock = 5_000_000_000n;
        c.register.set(id, utf8("value"));
      },
      (c) => {
        expect(textOf(c.register.get(id))).toBe("value");
        const stamp = Buffer.from(c.register.timestamp(id)!);
        expect(stamp).toHaveLength(24);
        expect(stamp.readUInt32LE(4)).toBe(5);
        expect(stamp.subarray(8).reverse()).toEqual(Buffer.from(replica.identity.publicKey.subarray(0, 16)));
      },
    );
    afterwards(
      (c) => c.register.set(id, undefined),
      (c) => expect(c.register.get(id)).toBeUndefined(),
    );
  });

  test("as counters", () => {
    const other = new Uint8Array(32).fill(2);
    afterwards(
      (c) => {
        c.counter.createWithId(id);
        c.pnCounter.createWithId(other);
        for (let n = 0; n < 3; n++) c.counter.increment(id);
        c.pnCounter.increment(other);
        for (let n = 0; n < 4; n++) c.pnCounter.decrement(other);
      },
      (c) => {
        expect(number(c.counter.value(id))).toBe(3);
        expect(number(c.counter.executorCount(id, undefined))).toBe(3);
        expect(number(c.counter.executorCount(id, new Uint8Array(32)))).toBe(0);
        expect(number(c.pnCounter.value(other))).toBe(-3);
        expect(number(c.pnCounter.executorCount(other, replica.identity.publicKey))).toBe(-3);
      },
    );
  });

  test("as text, counting scalar values", () => {
    afterwards(
      (c) => {
        c.text.createWithId(id);
        c.text.insert(id, 0n, utf8("héllo"));
        c.text.insert(id, 5n, utf8(" 🌍!"));
        c.text.insert(id, 0n, utf8("> "));
        c.text.insert(id, 4n, utf8("__"));
        c.text.delete(id, 4n);
        expect(() => c.text.insert(id, 99n, k)).toThrow(/beyond the text's 11 characters/);
        expect(() => c.text.delete(id, 2n ** 63n)).toThrow(CollectionError);
        expect(() => c.text.insert(id, 0n, Uint8Array.of(0xff))).toThrow(/UTF-8/);
      },
      (c) => {
        expect(textOf(c.text.text(id))).toBe("> hé_llo 🌍!");
        expect(number(c.text.len(id))).toBe(11);
      },
    );
  });

  test("as text whose later insertions stand before earlier ones at the same place", () => {
    afterwards(
      (c) => {
        c.text.createWithId(id);
        c.text.insert(id, 0n, utf8("<>"));
        for (const letter of "hgfedcba") c.text.insert(id, 1n, utf8(letter));
      },
      (c) => expect(textOf(c.text.text(id))).toBe("<abcdefgh>"),
    );
  });

  test("as text typed letter by letter, without running out of stack", () => {
    afterwards(
      (c) => c.text.createWithId(id),
      () => {},
    );
    const collections = replica.open();
    for (let at = 0; at < 400; at++) collections.text.insert(id, BigInt(at), utf8(String(at % 10)));
    collections.flush();
    expect(textOf(replica.read((c) => c.text.text(id)))).toBe("0123456789".repeat(40));
  });

  test("as user storage", () => {
    afterwards(
      (c) => {
        c.userStorage.createWithId(id);
        expect(c.userStorage.insert(id, utf8("1"))).toBeUndefined();
        expect(textOf(c.userStorage.insert(id, utf8("2")))).toBe("1");
      },
      (c) => {
        expect(textOf(c.userStorage.get(id))).toBe("2");
        expect(textOf(c.userStorage.getForUser(id, replica.identity.publicKey))).toBe("2");
        expect(c.userStorage.containsUser(id, new Uint8Array(32))).toBe(false);
        expect(textOf(c.userStorage.remove(id))).toBe("2");
        expect(c.userStorage.contains(id)).toBe(false);
      },
    );
  });

  test("as frozen storage, which nothing takes from", () => {
    let hash = new Uint8Array();
    afterwards(
      (c) => {
        c.frozenStorage.createWithId(id);
        hash = Uint8Array.from(c.frozenStorage.add(id, k));
        expect(c.frozenStorage.add(id, k)).toEqual(Buffer.from(hash));
        expect(() => c.deleteCollection(id)).toThrow(/frozen/);
      },
      (c) => {
        expect(textOf(c.frozenStorage.get(id, hash))).toBe("k");
        expect(c.frozenStorage.contains(id, new Uint8Array(32))).toBe(false);
      },
    );
  });

  test("as an authored map, whose entries are their owners'", () => {
    const other = new Replica(2);
    const made = replica.run((c) => {
      c.authoredMap.createWithId(id);
      c.authoredMap.insert(id, k, utf8("mine"));
    });
    other.apply(made);
    other.read((c) => {
      expect(() => c.authoredMap.insert(id, k, utf8("theirs"))).toThrow(/taken/);
      expect(() => c.authoredMap.update(id, k, utf8("theirs"))).toThrow(/owner/);
      expect(() => c.authoredMap.remove(id, k)).toThrow(/owner/);
      expect(() => c.authoredMap.update(id, utf8("none"), k)).toThrow(/no entry/);
      expect(c.authoredMap.remove(id, utf8("none"))).toBeUndefined();
      expect(c.authoredMap.ownedByMe(id, k)).toBe(false);
      expect(c.authoredMap.ownerOf(id, k)).toEqual(replica.identity.publicKey);
    });
    afterwards(
      (c) => expect(textOf(c.authoredMap.update(id, k, utf8("new")))).toBe("mine"),
      (c) => {
        expect(listed(c.authoredMap.iter(id))).toEqual(["k", "new"]);
        expect(number(c.authoredMap.len(id))).toBe(1);
        expect(textOf(c.authoredMap.remove(id, k))).toBe("new");
        expect(c.authoredMap.contains(id, k)).toBe(false);
      },
    );
  });

  test("as an authored vector, whose elements stay where they are", () => {
    const other = new Replica(2);
    other.apply(
      replica.run((c) => {
        c.authoredVector.createWithId(id);
        expect(number(c.authoredVector.push(id, utf8("a")))).toBe(0);
        expect(number(c.authoredVector.push(id, utf8("b")))).toBe(1);
        expect(textOf(c.authoredVector.tombstone(id, 0n))).toBe("a");
        expect(textOf(c.authoredVector.update(id, 1n, utf8("B")))).toBe("b");
      }),
    );
    other.read((c) => {
      expect(number(c.authoredVector.len(id))).toBe(2);
      expect(textOf(c.authoredVector.get(id, 0n))).toBe("");
      expect(listed(c.authoredVector.iter(id))).toEqual(["", "B"]);
      expect(c.authoredVector.ownerOf(id, 1n)).toEqual(replica.identity.publicKey);
      expect(c.authoredVector.ownerOf(id, 2n)).toBeUndefined();
      expect(() => c.authoredVector.update(id, 1n, k)).toThrow(/owner/);
      expect(() => c.authoredVector.tombstone(id, 7n)).toThrow(/no element 7/);
      expect(number(c.authoredVector.push(id, k))).toBe(2);
      expect(c.authoredVector.ownedByMe(id, 2n)).toBe(true);
    });
  });

  test("as a shared cell, which only its writers write", () => {
    const [member, outsider] = [new Replica(2), new Replica(3)];
    const both = Buffer.concat([replica.identity.publicKey, member.identity.publicKey]);
    const made = replica.run((c) => {
      c.shared.createWithId(id, both, false);
      expect(c.shared.get(id)).toBeUndefined();
      c.shared.set(id, utf8("first"));
    });
    for (const each of [member, outsider]) each.apply(made);
    outsider.read((c) => {
      expect(c.shared.writableByMe(id)).toBe(false);
      expect(() => c.shared.set(id, k)).toThrow(/ActionNotAllowed/);
      expect(() => c.shared.rotateWriters(id, outsider.identity.publicKey)).toThrow(/ActionNotAllowed/);
      expect(textOf(c.shared.get(id))).toBe("first");
    });
    replica.apply(
      member.run((c) => {
        c.shared.set(id, utf8("second"));
        c.shared.rotateWriters(id, replica.identity.publicKey);
        expect(() => c.shared.set(id, k)).toThrow(/ActionNotAllowed/);
        expect(textOf(c.shared.get(id))).toBe("second");
      }),
    );
    replica.read((c) => {
      expect(textOf(c.shared.get(id))).toBe("second");
      expect(c.shared.writers(id)).toEqual(Buffer.from(replica.identity.publicKey));
      expect(() => c.shared.rotateWriters(id, new Uint8Array())).toThrow(/1 to 1024 keys/);
      const frozen = c.shared.create(replica.identity.publicKey, true);
      expect(c.shared.isFrozen(frozen)).toBe(true);
      expect(() => c.shared.rotateWriters(frozen, both)).toThrow(/frozen/);
      expect(c.deleteCollection(id)).toBe(true);
      expect(() => c.shared.get(id)).toThrow(/no shared cell/);
    });
  });

  test("with an error for a collection that is not there, or is another", () => {
    replica.read((c) => {
      expect(() => c.map.get(id, k)).toThrow(/there is no collection 0909/);
      c.set.createWithId(id);
      expect(() => c.map.get(id, k)).toThrow(/the collection is a set, not a map/);
      expect(() => c.map.createWithId(id)).toThrow(/is a set/);
      expect(() => c.map.createWithId(new Uint8Array(5))).toThrow(/32 bytes, not 5/);
      expect(c.deleteCollection(new Uint8Array(32))).toBe(false);
    });
  });

  test("with nothing of what was in a collection before it was deleted and made again", () => {
    const ids = Array.from({ length: 6 }, (_, at) => new Uint8Array(32).fill(20 + at));
    const make = (c: Collections): void => {
      c.map.createWithId(ids[0]!);
      c.vector.createWithId(ids[1]!);
      c.counter.createWithId(ids[2]!);
      c.text.createWithId(ids[3]!);
      c.register.createWithId(ids[4]!);
      c.authoredMap.createWithId(ids[5]!);
    };
    afterwards(
      (c) => {
        make(c);
        c.map.insert(ids[0]!, k, k);
        c.vector.push(ids[1]!, k);
        c.counter.increment(ids[2]!);
        c.text.insert(ids[3]!, 0n, k);
        c.register.set(ids[4]!, k);
        c.authoredMap.insert(ids[5]!, k, k);
      },
      () => {},
    );
    afterwards(
      (c) => {
        for (const each of ids) expect(c.deleteCollection(each)).toBe(true);
        expect(() => c.map.get(ids[0]!, k)).toThrow(/no collection/);
      },
      () => {},
    );
    expect(replica.root).toBe("00".repeat(32));
    afterwards(make, (c) => {
      expect(c.map.contains(ids[0]!, k)).toBe(false);
      expect(number(c.vector.len(ids[1]!))).toBe(0);
      expect(number(c.counter.value(ids[2]!))).toBe(0);
      expect(textOf(c.text.text(ids[3]!))).toBe("");
      expect(c.register.get(ids[4]!)).toBeUndefined();
      expect(c.authoredMap.contains(ids[5]!, k)).toBe(false);
    });
  });

  test("with the root document", () => {
    expect(replica.read((c) => c.readRootState())).toBeUndefined();
    afterwards(
      (c) => c.persistRootState(utf8("{}"), 5n),
      (c) => expect(textOf(c.readRootState())).toBe("{}"),
    );
  });
});

test("a run that only reads flushes nothing, and one that is not flushed leaves the rows as they were", () => {
  replica.run((c) => c.map.createWithId(id));
  const before = replica.rows.writes;
  const collections = replica.open();
  collections.map.get(id, k);
  expect(collections.flush()).toBeUndefined();
  replica.open().map.insert(id, k, k);
  expect(replica.rows.writes).toBe(before);
});
