import { afterEach, describe, expect, test } from "vitest";
import { keyOf, textKey } from "@shoal/node/storage/keys.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { closeAll, idsOf, startPeer, startPeers, until, type Peer } from "./rig.ts";

const open = new Set<Peer>();
afterEach(async () => {
  await closeAll([...open]);
  open.clear();
});

const opened = <T extends Peer>(peer: T): T => {
  open.add(peer);
  return peer;
};

describe("discovery", () => {
  test("peers of a topic find each other through a boot node that has no topic; others it does not bring together", async () => {
    const boot = opened(await startPeer());
    const peers = await Promise.all(Array.from({ length: 4 }, () => startPeer({ boot: [boot.address] })));
    for (const peer of peers) opened(peer);
    const [a, b, c, stranger] = peers as [Peer, Peer, Peer, Peer];
    for (const peer of [a, b, c]) await peer.subscribe("t");
    await stranger.subscribe("another");
    await until(
      () => [a, b, c].every((peer) => peer.subscribers("t").length === 2),
      "the three of the topic are connected",
    );
    expect(idsOf(stranger)).toEqual([boot.self]);
    expect(boot.status().topics).toEqual([]);
  });

  test("a namespace is an overlay of its own", async () => {
    const boot = opened(await startPeer());
    const make = (namespace: string): Promise<Peer> =>
      startPeer({ boot: [boot.address], discovery: { rendezvous: { namespace } } });
    const [a, b, c] = (await Promise.all([make("one"), make("one"), make("two")])).map(opened) as [Peer, Peer, Peer];
    for (const peer of [a, b, c]) await peer.subscribe("t");
    await until(() => a.subscribers("t").length === 1 && b.subscribers("t").length === 1, "two meet");
    expect(idsOf(c)).toEqual([boot.self]);
  });

  test("ten join one boot node at once, from one address", async () => {
    const boot = opened(await startPeer());
    const peers = await Promise.all(Array.from({ length: 10 }, () => startPeer({ boot: [boot.address] })));
    for (const peer of peers) opened(peer);
    await until(() => boot.peers().length === 10, "all are there");
  });

  test("a peer that comes back at the same port is dialled again by those who lost it", async () => {
    const [a, b] = (await startPeers(2)).map(opened) as [Peer, Peer];
    await until(() => idsOf(a).length === 1, "connected");
    const [, , , , port] = b.address.split("/");
    await b.close();
    open.delete(b);
    await until(() => idsOf(a).length === 0, "lost");
    const again = opened(await startPeer({ identity: b.identity, listen: [`/ip4/127.0.0.1/tcp/${port}`] }));
    await until(() => idsOf(a).includes(again.self), "found again");
  });

  test("a node that starts anew dials those that it met in the last day, and forgets older ones", async () => {
    const store = createMemoryStore();
    const [a, b] = [opened(await startPeer({ store })), opened(await startPeer())];
    await a.dial(b.address, seconds(5));
    const key = keyOf(textKey("network/peer/"), textKey(b.self));
    await until(() => store.get("generic", key) !== undefined, "it is remembered");
    await a.close();
    const old = keyOf(textKey("network/peer/"), textKey("12D3KooWEo8qG1hkNJL3vdmkkhKQ3M2TiDkE48W52M6HxCfCKG9q"));
    const value = JSON.stringify({ addresses: ["/ip4/127.0.0.1/tcp/1"], seenAtMs: systemClock.now() - 25 * 3_600_000 });
    await store.apply([{ column: "generic", key: old, value: textKey(value) }]);
    const again = opened(await startPeer({ store, identity: a.identity }));
    await until(() => idsOf(again).includes(b.self), "dialled by itself");
    expect(store.get("generic", old)).toBeUndefined();
  });

  test("a block ends what is connected, lets nothing in or out, and outlives the process", async () => {
    const store = createMemoryStore();
    const a = opened(await startPeer({ store }));
    const b = opened(await startPeer());
    await a.dial(b.address, seconds(5));
    await a.block(b.self);
    await until(() => idsOf(a).length === 0 && idsOf(b).length === 0, "cut");
    expect(a.status().blocked).toEqual([b.self]);
    await expect(b.dial(a.address, seconds(2))).rejects.toMatchObject({ code: "unavailable" });
    await expect(a.dial(b.address, seconds(2))).rejects.toMatchObject({ code: "unavailable" });
    await a.close();
    const again = opened(await startPeer({ store, identity: a.identity }));
    expect(again.status().blocked).toEqual([b.self]);
    await expect(b.dial(again.address, seconds(2))).rejects.toMatchObject({ code: "unavailable" });
    await again.unblock(b.self);
    expect(again.status().blocked).toEqual([]);
    await b.dial(again.address, seconds(5));
    expect(idsOf(b)).toEqual([again.self]);
    await expect(again.block("nonsense")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(again.block(again.self)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("who was blocked is dialled again as soon as it is not, by either side", async () => {
    const [a, b] = [opened(await startPeer()), opened(await startPeer())];
    await a.dial(b.address, seconds(5));
    await a.block(b.self);
    await b.block(a.self);
    await until(() => idsOf(a).length === 0 && idsOf(b).length === 0, "cut");
    await a.unblock(b.self);
    expect(idsOf(a)).toEqual([]);
    await b.unblock(a.self);
    await until(() => idsOf(a).includes(b.self) && idsOf(b).includes(a.self), "together again");
  });

  test("a port that is taken is said at the start", async () => {
    const a = opened(await startPeer());
    const [, , , , port] = a.address.split("/");
    await expect(startPeer({ listen: [`/ip4/127.0.0.1/tcp/${port}`] })).rejects.toMatchObject({ code: "unavailable" });
  });

  test("WebSocket peers and TCP peers are one network", async () => {
    const a = opened(await startPeer({ listen: ["/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/udp/0/quic-v1"] }));
    expect(a.address).toContain("/ws/p2p/");
    const b = opened(await startPeer({ listen: [] }));
    await b.dial(a.address, seconds(5));
    for (const peer of [a, b]) await peer.subscribe("t");
    const heard: string[] = [];
    b.onGossip(async ({ payload }) => {
      heard.push(Buffer.from(payload).toString());
      return "accept";
    });
    await until(() => a.subscribers("t").length === 1, "on it");
    await a.publish("t", Buffer.from("by ws"));
    await until(() => heard.includes("by ws"), "heard");
  });

  test("two that cannot be dialled meet through a relay, gossip over it and open channels", async () => {
    const relay = opened(await startPeer({ discovery: { relay: { serve: true } } }));
    const a = opened(await startPeer({ listen: [], boot: [relay.address] }));
    const b = opened(await startPeer({ listen: [], boot: [relay.address] }));
    await until(() => a.status().relays.length === 1 && b.status().relays.length === 1, "both have a place");
    expect(a.status().relays).toEqual([relay.self]);
    for (const peer of [a, b]) await peer.subscribe("t");
    await until(() => a.subscribers("t").includes(b.self) && b.subscribers("t").includes(a.self), "they met");
    expect(a.peers().find(({ peerId }) => peerId === b.self)?.relayed).toBe(true);
    const heard: string[] = [];
    b.onGossip(async ({ payload }) => {
      heard.push(Buffer.from(payload).toString());
      return "accept";
    });
    await a.publish("t", Buffer.from("over"));
    await until(() => heard.includes("over"), "heard over the relay");
    b.handle("/test/1", async (channel) => {
      await channel.send((await channel.receive(seconds(5))) ?? Buffer.of());
    });
    const channel = await a.open(b.self, "/test/1", seconds(5));
    await channel.send(Buffer.from("echo"));
    expect(Buffer.from((await channel.receive(seconds(5))) ?? []).toString()).toBe("echo");
  });
});
