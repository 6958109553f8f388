import { afterEach, describe, expect, test } from "vitest";
import { MAX_GOSSIP, type Gossip, type GossipVerdict } from "@shoal/node/network/contract.ts";
import { FLOOR } from "@shoal/node/network/scores.ts";
import { closeAll, idsOf, onTopic, startPeer, startPeers, until, type Peer, type PeerOptions } from "./rig.ts";

let open: readonly Peer[] = [];
afterEach(async () => {
  await closeAll(open);
  open = [];
});

const start = async (n: number, options?: PeerOptions): Promise<readonly Peer[]> =>
  (open = await startPeers(n, options));

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

function listen(peer: Peer, verdict: GossipVerdict = "accept"): Gossip[] {
  const heard: Gossip[] = [];
  peer.onGossip(async (message) => {
    heard.push(message);
    return verdict;
  });
  return heard;
}

describe("gossip", () => {
  test("of two: judged once, by the one that did not write it", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    const [atA, atB] = [listen(a), listen(b)];
    await onTopic([a, b], "t");
    expect(await a.publish("t", Buffer.from("hello"))).toBe(1);
    expect(await b.publish("t", Buffer.from("hi"))).toBe(1);
    await until(() => atA.length === 1 && atB.length === 1, "both heard");
    expect(atB.map(({ topic, from, payload }) => [topic, from, text(payload)])).toEqual([["t", a.self, "hello"]]);
    expect(text(atA[0]?.payload ?? Buffer.of())).toBe("hi");
  });

  test("of eight in a chain: everybody hears everything once, passed on by those between", async () => {
    const peers = await start(1).then(async ([first]) => {
      const chain = [first as Peer];
      for (let n = 1; n < 8; n++) chain.push(await startPeer());
      for (const [at, peer] of chain.entries()) {
        const next = chain[at + 1];
        if (next !== undefined) await peer.dial(next.address, 10_000 as never);
      }
      return (open = chain);
    });
    const heard = peers.map((peer) => listen(peer));
    // No discovery here: each knows its neighbours only, and only through meeting places would it learn of others.
    for (const peer of peers) await peer.subscribe("t");
    const ids = peers.map(({ self }) => self);
    const knowsNeighbours = (peer: Peer, at: number): boolean =>
      [ids[at - 1], ids[at + 1]].every((id) => id === undefined || peer.subscribers("t").includes(id));
    await until(() => peers.every(knowsNeighbours), "neighbours are on it");
    for (const [at, peer] of peers.entries()) await peer.publish("t", Buffer.from(`of ${at}`));
    await until(() => heard.every((one) => one.length >= 7), "all heard all");
    for (const [at, one] of heard.entries()) {
      const expected = peers.map((_, n) => `of ${n}`).filter((_, n) => n !== at);
      expect(one.map(({ payload }) => text(payload)).sort()).toEqual(expected);
    }
  });

  test("nobody there is no error, and the same bytes are one message", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    const heard = listen(b);
    await a.subscribe("t");
    expect(await a.publish("t", Buffer.from("alone"))).toBe(0);
    await onTopic([a, b], "t");
    await a.publish("t", Buffer.from("same"));
    await a.publish("t", Buffer.from("same"));
    await a.publish("t", Buffer.from("last"));
    await until(() => heard.some(({ payload }) => text(payload) === "last"), "the last came");
    expect(heard.filter(({ payload }) => text(payload) === "same")).toHaveLength(1);
  });

  test("more than the limit is refused where it is published", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    const heard = listen(b);
    await onTopic([a, b], "t");
    await expect(a.publish("t", new Uint8Array(MAX_GOSSIP + 1))).rejects.toMatchObject({ code: "payload_too_large" });
    expect(await a.publish("t", new Uint8Array(MAX_GOSSIP))).toBe(1);
    await until(() => heard.length === 1, "the limit itself arrives");
  });

  test("what is rejected is held against who passed it on, and in the end it is cut off", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    listen(b, "reject");
    await onTopic([a, b], "t");
    await a.publish("t", Buffer.from("bad 0"));
    await until(() => (b.peers()[0]?.score ?? 0) < 0, "its score falls");
    expect(b.peers()[0]?.score).toBeGreaterThan(FLOOR);
    for (let n = 1; n < 12; n++) await a.publish("t", Buffer.from(`bad ${n}`));
    await until(() => idsOf(b).length === 0 && idsOf(a).length === 0, "it is cut off");
    await expect(a.dial(b.address, 2000 as never)).rejects.toMatchObject({ code: "unavailable" });
    expect(b.status().blocked).toEqual([]);
  });

  test("what is ignored, or cannot be judged, is held against nobody and not passed on", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    let calls = 0;
    b.onGossip(async () => {
      calls += 1;
      if (calls > 1) throw new Error("the judge is ill");
      return "ignore";
    });
    await onTopic([a, b], "t");
    await a.publish("t", Buffer.from("1"));
    await a.publish("t", Buffer.from("2"));
    await until(() => calls === 2, "both came");
    expect(b.peers()[0]?.score).toBe(0);
  });

  test("a flood beyond the rate does not reach the judge, and who goes on with it is cut off", async () => {
    const [a, b] = (await start(2, { limits: { gossip_per_second: 50 } })) as [Peer, Peer];
    const heard = listen(b);
    await onTopic([a, b], "t");
    const began = performance.now();
    let sent = 0;
    const isOver = (): boolean => idsOf(b).length === 0 || (b.peers()[0]?.score ?? 0) < 0;
    while (!isOver() && performance.now() - began < 10_000) {
      for (let n = 0; n < 50; n++) await a.publish("t", Buffer.from(`${(sent += 1)}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(isOver()).toBe(true);
    const seconds = (performance.now() - began) / 1000;
    expect(heard.length).toBeLessThanOrEqual(100 + 50 * seconds + 1);
    expect(sent).toBeGreaterThan(heard.length);
  });

  test("subscribers come and go, and listeners are told", async () => {
    const [a, b] = (await start(2)) as [Peer, Peer];
    const told: string[] = [];
    a.onPeer((event) => void told.push(`${event.type} ${"topic" in event ? event.topic : ""}`));
    await onTopic([a, b], "t");
    await b.unsubscribe("t");
    await until(() => a.subscribers("t").length === 0, "it is off");
    expect(told).toEqual(["subscribed t", "unsubscribed t"]);
    expect(b.status().topics).toEqual([]);
    await b.close();
    await until(() => told.includes("disconnected "), "it is gone");
  });

  test("what comes on a topic that this node has left reaches nobody", async () => {
    const [a, b, c] = (await start(3)) as [Peer, Peer, Peer];
    const [atB, atC] = [listen(b), listen(c)];
    await onTopic([a, b, c], "t");
    await b.unsubscribe("t");
    await until(() => !a.subscribers("t").includes(b.self), "it is off");
    await a.publish("t", Buffer.from("x"));
    await until(() => atC.length === 1, "the other heard");
    expect(atB).toEqual([]);
  });
});
