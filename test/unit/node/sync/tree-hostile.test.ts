/** Peers that lie, and bytes that are nobody's: each ends in a clean refusal, within the bounds. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  MAX_ASKS,
  type TreeAnswer,
} from "@shoal/node/sync/protocols/tree-wire.ts";
import type { Ask } from "@shoal/node/sync/protocols/contract.ts";
import { answerTree } from "@shoal/node/sync/protocols/tree.ts";
import { describe, expect, test } from "vitest";
import { hash, index, indexKey, metadata, u32 } from "../compat/hand.ts";
import { id } from "../crdt/histories.ts";
import { memoryRows } from "../crdt/memory-rows.ts";
import { CONTEXT, Replica, utf8 } from "../crdt/replica.ts";
import { differences, peerOf, stateOf } from "./tree-rig.ts";

const full = new Replica(1);
full.run((c) => {
  c.map.createWithId(id);
  for (let n = 0; n < 300; n++) c.map.insert(id, utf8(`key${n}`), utf8(`value ${n}`));
  c.shared.set(c.shared.create(full.identity.publicKey, false), utf8("value"));
});
const some = new Replica(2, full.rows.copy());
some.run((c) => {
  for (let n = 0; n < 300; n += 3) c.map.insert(id, utf8(`key${n}`), utf8("changed"));
});

/** A peer whose answers are changed by `lie`. */
const liar =
  (lie: (answer: TreeAnswer, request: ReturnType<typeof decodeRequest>, n: number) => TreeAnswer): Ask =>
  async (bytes) => {
    const request = decodeRequest(bytes);
    const answer = decodeAnswer(answerTree(stateOf(some.rows), bytes), request.asks.length, request.ahead);
    return encodeAnswer(lie(answer, request, requests++));
  };
let requests = 0;

const compared = async (ask: Ask): Promise<string> => {
  try {
    await differences(stateOf(full.rows), ask, { bounds: { requests: 200, bytes: 50_000_000 } });
    return "done";
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    return thrown.code;
  }
};

function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutated(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let times = next(3) + 1; times > 0; times--) {
    const at = next(changed.length);
    if (next(2) === 0) changed[at]! ^= 1 << next(8);
    else changed[at] = [0, 1, 255, 127][next(4)]!;
  }
  const cut = next(8);
  if (cut === 0) return changed.subarray(0, next(changed.length));
  return cut === 1 ? Buffer.concat([changed, changed.subarray(0, next(100))]) : changed;
}

const REFUSALS = ["invalid_argument", "resource_exhausted", "conflict"];

test("10,000 mutated requests are answered or refused, never more", async () => {
  const seen: Uint8Array[] = [];
  const peer = peerOf(some.rows);
  await differences(stateOf(full.rows), (request) => (seen.push(request), peer(request)));
  const next = chance(1);
  let refused = 0;
  for (let n = 0; n < 10_000; n++) {
    try {
      answerTree(stateOf(some.rows), mutated(seen[next(seen.length)]!, next));
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "invalid_argument" });
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(1_000);
});

test("mutated answers end the comparison cleanly, or tell entities that were really there to be told", async () => {
  const next = chance(2);
  const honest = peerOf(some.rows);
  const ends = new Set<string>();
  for (let run = 0; run < 1_500; run++) {
    let left = next(6);
    const end = await compared(async (request) => {
      const answer = await honest(request);
      left -= 1;
      if (left >= 0) return answer;
      return mutated(answer, next);
    });
    ends.add(end);
    if (end !== "done") expect(REFUSALS).toContain(end);
  }
  expect(ends).toContain("invalid_argument");
});

test("10,000 mutated answers are read whole or refused", async () => {
  const seen: { readonly answer: Uint8Array; readonly asked: number }[] = [];
  await differences(stateOf(full.rows), async (request) => {
    const answer = answerTree(stateOf(some.rows), request);
    seen.push({ answer, asked: decodeRequest(request).asks.length });
    return answer;
  });
  const next = chance(3);
  for (let n = 0; n < 10_000; n++) {
    const { answer, asked } = seen[next(seen.length)]!;
    try {
      decodeAnswer(mutated(answer, next), asked, 0);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "invalid_argument" });
    }
  }
});

describe("a peer that lies is caught where it lies", () => {
  const changed = (kind: string, change: (item: Uint8Array) => Uint8Array | undefined): Ask =>
    liar((answer, { asks }) => ({
      ...answer,
      items: answer.items.map((item, at) => (item !== undefined && asks[at]!.kind === kind ? change(item) : item)),
    }));
  const flip = (item: Uint8Array): Uint8Array => {
    const other = Uint8Array.from(item);
    other[other.length - 1]! ^= 1;
    return other;
  };

  test.each(["node", "nodeLeaves", "collection", "entry"])("%s", async (kind) => {
    // A node that nobody vouches for is the root: what it names is not there.
    expect(await compared(changed(kind, flip))).toBe("invalid_argument");
    if (kind !== "node") expect(await compared(changed(kind, () => undefined))).toBe("invalid_argument");
  });

  test("counts that are not those of the entries", async () => {
    expect(await compared(changed("nodeLeaves", (item) => Buffer.concat([item, item])))).toBe("invalid_argument");
    const more = liar((answer) => ({ ...answer, items: [...answer.items, undefined] }));
    expect(await compared(more)).toBe("invalid_argument");
    const none = liar((answer) => ({ ...answer, items: [] }));
    expect(await compared(none)).toBe("invalid_argument");
  });

  test("indexes that nobody asked for", async () => {
    const along = liar((answer) => ({ ...answer, ahead: [{ id: CONTEXT, item: CONTEXT }] }));
    expect(await compared(along)).toBe("invalid_argument");
  });

  test("a layout that changes on the way", async () => {
    expect(await compared(liar((answer, _, n) => ({ ...answer, layout: n % 2 === 0 ? "host" : "guest" })))).toMatch(
      /conflict|invalid_argument/,
    );
  });

  test("a state that is another with every answer", async () => {
    expect(await compared(liar((answer, _, n) => ({ ...answer, mark: hash(u32(n)) })))).toBe("conflict");
  });

  test("a peer that fails, fails the comparison with its own error", async () => {
    const failed = differences(stateOf(full.rows), () =>
      Promise.reject(new ShoalError("unavailable", "the channel broke")),
    );
    await expect(failed).rejects.toMatchObject({ code: "unavailable" });
  });
});

test("a tree without end is left when the bound is reached, and what was told stands", async () => {
  // Each entity has a child, which has one, and so on; hashes cannot be true to that, so a long list must do.
  const endless: Ask = async (bytes) => {
    const { asks, ahead } = decodeRequest(bytes);
    const rows = memoryRows();
    for (const { id: asked } of asks) {
      const children = Array.from({ length: 300 }, (_, n) => ({ id: hash(asked, u32(n)), hash: hash(u32(n)) }));
      const { row } = index("G3", { id: asked, children, own: hash(), metadata: metadata("G3"), deletedChildren: [] });
      rows.set(indexKey(asked), row);
    }
    const answer = decodeAnswer(answerTree(stateOf(rows, "guest"), bytes), asks.length, ahead);
    return encodeAnswer({ ...answer, mark: new Uint8Array(32) });
  };
  const bounds = { requests: 40, bytes: 5_000_000 };
  const run = differences(stateOf(memoryRows(), "guest"), endless, { bounds });
  await expect(run).rejects.toSatisfy((thrown: ShoalError) => REFUSALS.includes(thrown.code));
});

test("huge counts are refused before anything is allocated", () => {
  const request = Buffer.alloc(9);
  request[0] = 1;
  request.writeUInt32LE(MAX_ASKS + 1, 5);
  expect(() => decodeRequest(request)).toThrow(/at most/);
  request.writeUInt32LE(0xffff_ffff, 1);
  expect(() => decodeRequest(request)).toThrow(/at most/);
  const answer = Buffer.alloc(38);
  answer[0] = 1;
  answer.writeUInt32LE(0xffff_ffff, 34);
  expect(() => decodeAnswer(answer, 10, 0)).toThrow(/at most/);
});
