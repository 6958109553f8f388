/** Logs of several nodes, on real stores: ops that come in any order, with restarts in between, and come from anybody. */
import { encodeOp, parseOp } from "@shoal/node/governance/rules/parse.ts";
import { MAX_DRIFT, MAX_OP_BYTES } from "@shoal/node/governance/replication.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { carry, hashesOf, level, madeOp, newGroup, opsOf, orders, standOf, team } from "./exchange.ts";
import { clock, newContext, startNode } from "./node.ts";
import { add, alice, bob, carol, contextId, dave, eve, groupId, person, remove } from "./people.ts";

describe("ops in any order", () => {
  test("end in equal heads and states, also where each node restarts after each of them", async () => {
    const { id, nodes } = await team([alice, bob, carol]);
    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
    const before = (await opsOf(a, id)).length;
    await a.governance.act(id, [add(dave), remove(bob)]);
    await b.governance.act(id, [remove(carol), add(eve)]);
    await c.governance.act(id, [{ type: "GroupAliasSet", alias: "ours" }]);
    await level(id, a, b, c);
    expect(standOf(b, id)).toBe(standOf(a, id));
    expect(standOf(c, id)).toBe(standOf(a, id));
    const all = await opsOf(a, id);
    const newer = all.slice(before);
    expect(newer.length).toBeGreaterThan(4);
    for (const start of [0, 3]) {
      const shuffled = [...newer.slice(start), ...newer.slice(0, start)].toReversed();
      let late = await startNode({ account: person(50) });
      await late.governance.replica.expect(id);
      for (const op of [...shuffled, ...all.slice(0, before).toReversed()]) {
        await late.governance.replica.receive(id, [op]);
        late = await late.restart();
      }
      expect(standOf(late, id)).toBe(standOf(a, id));
      expect(late.governance.replica.missing(id, 10)).toEqual([]);
    }
  });

  test("come to the same for every order of concurrent ones", async () => {
    const { id, nodes } = await team([alice, bob, carol]);
    const common = new Set(await hashesOf(nodes[0]!, id));
    for (const [at, node] of nodes.entries()) {
      const [who] = [[remove(bob)], [remove(carol)], [add(dave)]][at]!;
      await node.governance.act(id, [who!]);
    }
    await level(id, ...nodes);
    const stand = standOf(nodes[0]!, id);
    const base = await nodes[0]!.governance.replica.ops(id, [...common]);
    const fresh = (await hashesOf(nodes[0]!, id)).filter((hash) => !common.has(hash));
    const ops = await nodes[0]!.governance.replica.ops(id, fresh);
    const late = await startNode({ account: person(51) });
    for (const order of [...orders(ops.slice(0, 4))].slice(0, 24)) {
      const other = await startNode({ account: person(51) });
      await other.governance.replica.expect(id);
      await other.governance.replica.receive(
        id,
        base.filter((op) => op !== undefined),
      );
      for (const op of [...order, ...ops.slice(4)]) await other.governance.replica.receive(id, [op!]);
      expect(standOf(other, id)).toBe(stand);
      await other.governance.close();
    }
    await late.governance.close();
  });

  test("wait for their parents on disk, are asked for, and are told as what they are", async () => {
    const { id, nodes } = await team([alice]);
    for (let n = 0; n < 5; n++) await nodes[0]!.governance.act(id, [{ type: "GroupAliasSet", alias: `${n}` }]);
    const ops = await opsOf(nodes[0]!, id);
    const hashes = await hashesOf(nodes[0]!, id);
    let late = await startNode({ account: bob });
    await expect(late.governance.replica.receive(id, ops)).rejects.toMatchObject({ code: "not_found" });
    await late.governance.replica.expect(id, hashes[0]);
    late = await late.restart();
    const told = await late.governance.replica.receive(id, [ops[4]!, ops[4]!]);
    expect(told).toMatchObject({ added: [], known: [hashes[4]], waiting: [{ hash: hashes[4], missing: [hashes[3]] }] });
    late = await late.restart();
    expect(late.governance.replica.missing(id, 10)).toEqual([hashes[3]]);
    expect((await late.governance.replica.receive(id, ops.slice(0, 3))).added).toEqual(hashes.slice(0, 3));
    const last = await late.governance.replica.receive(id, [ops[3]!]);
    expect(last.added).toEqual([hashes[3], hashes[4]]);
    expect((await late.governance.replica.receive(id, ops)).known).toEqual(hashes.slice(0, 5));
    expect(late.governance.replica.missing(id, 10)).toEqual([]);
  });
});

describe("what is no op of the log", () => {
  test("is refused, each for its reason, and the rest is taken", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [node, to] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    await node.governance.act(id, [{ type: "GroupAliasSet", alias: "x" }]);
    const hashes = await hashesOf(node, id);
    const good = (await node.governance.replica.ops(id, [hashes.at(-1)!]))[0]!;
    const op = parseOp(good);
    const parents = [hashes.at(-1)!];
    const noop = { type: "Noop" } as const;
    const foreign = madeOp(alice, { namespaceId: groupId(9), action: noop, parents });
    const { seed } = parseOp((await opsOf(node, id))[0]!).action as unknown as { seed: never };
    const wrong = [
      encodeOp({ ...op, atMs: op.atMs + 1 }),
      encodeOp({ ...op, signer: carol.publicKey }),
      Buffer.from("not json"),
      Buffer.concat([good, Buffer.from(" ")]),
      new Uint8Array(MAX_OP_BYTES + 1),
      foreign.bytes,
      madeOp(alice, { namespaceId: id, action: { type: "NamespaceCreated", seed }, nonce: 99 }).bytes,
    ];
    const told = await to.governance.replica.receive(id, [...wrong, good]);
    expect(told.refused.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(told.added).toEqual([hashes.at(-1)]);
    // Well-formed and worth nothing: in the log, and without effect, on every node.
    const stranger = madeOp(eve, { namespaceId: id, action: add(eve), parents });
    for (const each of nodes) await each.governance.replica.receive(id, [stranger.bytes]);
    expect(to.governance.standing(id, eve.publicKey)).toBeUndefined();
    expect(standOf(to, id)).toBe(standOf(node, id));
  });

  test("of another founding is not taken where the invitation names the right one", async () => {
    const { id, nodes } = await team([alice]);
    const [genesis] = await hashesOf(nodes[0]!, id);
    const late = await startNode({ account: bob });
    await late.governance.replica.expect(id, genesis);
    const real = parseOp((await opsOf(nodes[0]!, id))[0]!);
    const fake = madeOp(eve, { namespaceId: id, action: real.action });
    const upon = madeOp(eve, { namespaceId: id, action: add(bob, "Admin"), parents: [fake.hash], nonce: 2 });
    const told = await late.governance.replica.receive(id, [fake.bytes, upon.bytes]);
    expect(told.refused.map(({ index }) => index)).toEqual([0, 1]);
    await carry(nodes[0]!, late, id);
    expect(standOf(late, id)).toBe(standOf(nodes[0]!, id));
  });

  test("an op from the future waits for its time, and ends no invitation before", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [node, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    const ahead = clock.now() + MAX_DRIFT + 60_000;
    const parents = node.governance.replica.heads(id);
    const late = madeOp(bob, {
      namespaceId: id,
      action: { type: "GroupAliasSet", alias: "late" },
      parents,
      atMs: ahead,
    });
    expect((await node.governance.replica.receive(id, [late.bytes])).waiting).toEqual([
      { hash: late.hash, missing: [] },
    ]);
    // What waits already and comes again is no step forward.
    const again = await node.governance.replica.receive(id, [late.bytes]);
    expect(again).toMatchObject({ added: [], waiting: [], known: [late.hash] });
    await node.governance.act(id, [{ type: "Noop" }]);
    const [own] = await node.governance.replica.ops(id, node.governance.replica.heads(id));
    expect(parseOp(own!).atMs).toBe(clock.now());
    await clock.advance(milliseconds(60_000));
    expect((await node.governance.replica.receive(id, [])).added).toEqual([late.hash]);
    await other.governance.replica.receive(id, [late.bytes]);
    await level(id, node, other);
    expect(standOf(other, id)).toBe(standOf(node, id));
  });
});

describe("the store", () => {
  test("that dies between its batch and the memory gives back what it took", async () => {
    const { id, nodes } = await team([alice]);
    await nodes[0]!.governance.act(id, [add(bob)]);
    const directory = await mkdtemp(join(tmpdir(), "shoal-replica-"));
    let dies = false;
    const wrap = (store: Store): Store => ({
      ...store,
      get: (...key) => store.get(...key),
      scan: (...of) => store.scan(...of),
      apply: (rows) => store.apply(rows),
      snapshot: () => store.snapshot(),
      close: () => store.close(),
      durable: async () => {
        await store.durable();
        if (dies) throw new Error("killed");
      },
    });
    const node = await startNode({ account: bob, path: directory, wrap });
    await node.governance.replica.expect(id);
    dies = true;
    await expect(carry(nodes[0]!, node, id)).rejects.toThrow("killed");
    expect(node.governance.replica.heads(id)).toEqual([]);
    dies = false;
    const again = await node.restart();
    expect(standOf(again, id)).toBe(standOf(nodes[0]!, id));
    await rm(directory, { recursive: true, force: true });
  });

  test("keeps for a context the namespace that named it first, whatever another log says", async () => {
    const { id, nodes } = await team([alice]);
    const [node] = nodes as [(typeof nodes)[0]];
    await node.governance.admit(newContext(1, { groupId: id }), (rows) => node.store.apply(rows));
    const thief = await startNode({ account: eve });
    const theirs = await thief.governance.createGroup(newGroup);
    await thief.governance.admit(newContext(1, { groupId: theirs, identity: eve.publicKey }), (rows) =>
      thief.store.apply(rows),
    );
    await carry(thief, node, theirs);
    for (const each of [node, await node.restart()]) {
      expect(each.governance.replica.namespaceOf(contextId(1))).toBe(id);
      expect(each.governance.groupOf(contextId(1))).toBe(id);
      expect(each.governance.replica.rightNow(contextId(1), eve.publicKey)).toBe("none");
    }
  });
});

test("rights at a cut stay what they were, and are unknown where ops of it are", async () => {
  const { id, nodes } = await team([alice, bob]);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await a.governance.admit(newContext(1, { groupId: id }), (rows) => a.store.apply(rows));
  const cut = a.governance.position(contextId(1));
  expect(b.governance.replica.rightAt(contextId(1), bob.publicKey, cut)).toBe("unknown");
  await a.governance.act(id, [remove(bob)]);
  await level(id, a, b);
  for (const { governance } of nodes) {
    expect(governance.replica.rightAt(contextId(1), bob.publicKey, cut)).toBe("write");
    expect(governance.replica.rightNow(contextId(1), bob.publicKey)).toBe("none");
    expect(governance.replica.belongs(id, bob.publicKey)).toBe(false);
  }
});
