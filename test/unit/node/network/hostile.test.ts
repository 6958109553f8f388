/** What the network is worth against a libp2p node that keeps to no rule of ours. */
import { gossipsub } from "@libp2p/gossipsub";
import { noise } from "@libp2p/noise";
import { identify } from "@libp2p/identify";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { headerOf } from "@shoal/node/network/libp2p/frames.ts";
import { WEIGHTS } from "@shoal/node/network/scores.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { closeAll, idsOf, startPeer, until, type Peer } from "./rig.ts";

const open = new Set<Peer>();
const strangers = new Set<Libp2p>();
afterEach(async () => {
  await Promise.all([...strangers].map(async (stranger) => stranger.stop()));
  strangers.clear();
  await closeAll([...open]);
  open.clear();
});

const opened = <T extends Peer>(peer: T): T => {
  open.add(peer);
  return peer;
};

/** A node of the library that speaks to `peer` as it likes. */
async function stranger(peer: Peer) {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ globalSignaturePolicy: "StrictNoSign", msgIdFn: () => Buffer.from(`${Math.random()}`) }),
    },
  });
  strangers.add(node);
  await node.dial(multiaddr(peer.address));
  await until(() => peer.peers().some(({ peerId }) => peerId === node.peerId.toString()), "it is in");
  return node;
}

const scoreOf = (peer: Peer, id: string): number => peer.peers().find(({ peerId }) => peerId === id)?.score ?? 0;

const PROTOCOL = "/test/1";

describe("a channel with a peer", () => {
  test("that announces 1 GiB ends it, and it is held against the peer", async () => {
    const peer = opened(await startPeer());
    let failure: unknown;
    peer.handle(PROTOCOL, async (channel) => {
      await channel.receive(seconds(5)).catch((thrown: unknown) => (failure = thrown));
    });
    const node = await stranger(peer);
    const stream = await node.dialProtocol(multiaddr(peer.address), PROTOCOL);
    stream.send(headerOf(2 ** 30));
    await until(() => failure !== undefined, "it ended");
    expect(failure).toMatchObject({ code: "unavailable" });
    expect(scoreOf(peer, node.peerId.toString())).toBe(-WEIGHTS.oversized);
  });

  test("that sends a byte now and then is too slow", async () => {
    const peer = opened(await startPeer());
    let failure: unknown;
    peer.handle(PROTOCOL, async (channel) => {
      await channel.receive(milliseconds(300)).catch((thrown: unknown) => (failure = thrown));
    });
    const node = await stranger(peer);
    const stream = await node.dialProtocol(multiaddr(peer.address), PROTOCOL);
    stream.send(headerOf(1000));
    const drip = setInterval(() => {
      if (stream.status === "open") stream.send(Uint8Array.of(1));
    }, 50);
    await until(() => failure !== undefined, "it ended");
    clearInterval(drip);
    expect(failure).toMatchObject({ code: "deadline_exceeded" });
    expect(scoreOf(peer, node.peerId.toString())).toBe(-WEIGHTS.slow);
    await until(() => stream.status !== "open", "and the stream with it");
  });

  test("that ends within a frame is broken", async () => {
    const peer = opened(await startPeer());
    let failure: unknown;
    peer.handle(PROTOCOL, async (channel) => {
      await channel.receive(seconds(5)).catch((thrown: unknown) => (failure = thrown));
    });
    const node = await stranger(peer);
    const stream = await node.dialProtocol(multiaddr(peer.address), PROTOCOL);
    stream.send(headerOf(1000));
    stream.send(new Uint8Array(10));
    await stream.close();
    await until(() => failure !== undefined, "it ended");
    expect(failure).toMatchObject({ code: "unavailable" });
    expect(scoreOf(peer, node.peerId.toString())).toBe(-WEIGHTS.broken);
  });

  test("that goes on sending after this side closed is not listened to, and nothing grows", async () => {
    const peer = opened(await startPeer());
    let isClosed = false;
    peer.handle(PROTOCOL, async (channel) => {
      await channel.receive(seconds(5));
      await channel.close();
      isClosed = true;
      await expect(channel.receive(seconds(1))).rejects.toMatchObject({ code: "unavailable" });
    });
    const node = await stranger(peer);
    const stream = await node.dialProtocol(multiaddr(peer.address), PROTOCOL);
    stream.send(Buffer.concat([headerOf(1), Uint8Array.of(1)]));
    await until(() => isClosed, "closed");
    const frame = Buffer.concat([headerOf(65_536), new Uint8Array(65_536)]);
    for (let n = 0; n < 200 && stream.status === "open"; n++) {
      if (!stream.send(frame)) await stream.onDrain({ signal: AbortSignal.timeout(2000) });
    }
    expect(idsOf(peer)).toEqual([node.peerId.toString()]);
    await stream.close();
  });

  test("that never reads is dropped, and what waits for it is bounded", async () => {
    const peer = opened(await startPeer());
    const node = await stranger(peer);
    await node.handle(PROTOCOL, (stream) => stream.pause());
    const channel = await peer.open(node.peerId.toString(), PROTOCOL, seconds(5));
    let taken = 0;
    const flood = (async () => {
      for (let n = 0; n < 64; n++) {
        await channel.send(new Uint8Array(1024 * 1024));
        taken += 1;
      }
    })();
    const outcome = expect(flood).rejects.toMatchObject({ code: "unavailable" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toBeLessThan(8);
    channel.abort();
    await outcome;
  });
});

test("a rendezvous request of garbage is malformed; too many are a flood", async () => {
  const peer = opened(await startPeer());
  const node = await stranger(peer);
  const ask = async (bytes: Uint8Array): Promise<void> => {
    const stream = await node.dialProtocol(multiaddr(peer.address), "/shoal/rendezvous/1");
    stream.send(Buffer.concat([headerOf(bytes.length), bytes]));
    await until(() => stream.status !== "open", "it is ended");
  };
  await ask(Buffer.from("garbage"));
  expect(scoreOf(peer, node.peerId.toString())).toBe(-WEIGHTS.malformed);
  for (let n = 0; n < 40 && idsOf(peer).length > 0; n++) {
    const stream = await node.dialProtocol(multiaddr(peer.address), "/shoal/rendezvous/1").catch(() => undefined);
    stream?.abort(new Error("enough"));
  }
  await until(() => scoreOf(peer, node.peerId.toString()) < -WEIGHTS.malformed || idsOf(peer).length === 0, "a flood");
});

describe("gossip's streams", () => {
  test("that the peer ends are opened anew, and gossip goes on", async () => {
    const peer = opened(await startPeer());
    const node = await stranger(peer);
    let heard = 0;
    node.services.pubsub.addEventListener("message", () => (heard += 1));
    node.services.pubsub.subscribe("t");
    await peer.subscribe("t");
    await until(() => peer.subscribers("t").length === 1, "it is on it");
    expect(await peer.publish("t", Buffer.from("before"))).toBe(1);
    await until(() => heard === 1, "heard");
    const streams = node.getConnections().flatMap((connection) => connection.streams);
    for (const stream of streams)
      if (stream.protocol.startsWith("/meshsub/") && stream.direction === "inbound") stream.abort(new Error("gone"));
    let n = 0;
    await eventually(async () => {
      await peer.publish("t", Buffer.from(`${n++}`));
      return heard > 1 || undefined;
    }, "heard again");
  });

  test("that bring more than they may are read no faster than that", async () => {
    const peer = opened(await startPeer({ limits: { gossip_bytes_per_second: 64 * 1024 } }));
    const node = await stranger(peer);
    node.services.pubsub.subscribe("t");
    await peer.subscribe("t");
    await until(() => peer.subscribers("t").length === 1, "it is on it");
    const stream = node
      .getConnections()
      .flatMap((connection) => connection.streams)
      .find(({ protocol, direction }) => protocol.startsWith("/meshsub/") && direction === "outbound");
    // A field that nobody knows, which the library reads over: the length of what follows, then 64 KiB.
    const nothing = Buffer.concat([Buffer.from([0x83, 0x80, 0x04, 0x7a, 0xff, 0xff, 0x03]), Buffer.alloc(65_535)]);
    if (stream === undefined) throw new Error("it has no stream");
    let sent = 0;
    for (const until = performance.now() + 2000; performance.now() < until;) {
      if (stream.writableNeedsDrain) await new Promise((resolve) => setTimeout(resolve, 10));
      else if (stream.send(nothing)) sent += nothing.length;
    }
    // Two windows, what may come at once, and two seconds of the rate; unhindered it is a hundred times that.
    expect(sent).toBeLessThan(8 * 1024 * 1024);
    expect(idsOf(peer)).toEqual([node.peerId.toString()]);
  });
});
