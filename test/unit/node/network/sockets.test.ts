/** What the network is worth against raw sockets: silence, garbage, many of them. */
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { seconds } from "@shoal/shared/base/time.ts";
import { closeAll, idsOf, onTopic, startPeer, startPeers, until, type Peer } from "./rig.ts";

const open = new Set<Peer>();
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await closeAll([...open]);
  open.clear();
});

const opened = <T extends Peer>(peer: T): T => {
  open.add(peer);
  return peer;
};

const closed = (socket: Socket): Promise<void> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => void socket.once("close", () => resolve()));

/** Or refused. */
const connected = (socket: Socket): Promise<void> =>
  Promise.race([closed(socket), new Promise<void>((resolve) => void socket.once("connect", () => resolve()))]);

const portOf = (peer: Peer): number => Number(peer.address.split("/")[4]);

function raw(peer: Peer): Socket {
  const socket = connect(portOf(peer), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
  return socket;
}

/** Two honest peers that go on hearing each other while `work` is done. */
async function whileTalking(pair: readonly [Peer, Peer], work: () => Promise<void>): Promise<void> {
  const [a, b] = pair;
  let heard = 0;
  b.onGossip(async () => {
    heard += 1;
    return "accept";
  });
  await onTopic(pair, "honest");
  const talking = new AbortController();
  const talk = (async () => {
    for (let n = 0; !talking.signal.aborted; n++) {
      const before = heard;
      await a.publish("honest", Buffer.from(`${n}`));
      await until(() => heard > before, `message ${n} is heard`);
    }
  })();
  const [result] = await Promise.allSettled([work().finally(() => talking.abort()), talk]);
  await talk;
  if (result.status === "rejected") throw result.reason;
  expect(heard).toBeGreaterThan(0);
}

describe("raw sockets", () => {
  test("that say nothing are closed, and keep nobody out", async () => {
    const peer = opened(await startPeer());
    const silent = Array.from({ length: 20 }, () => raw(peer));
    await Promise.all(silent.map(connected));
    const other = opened(await startPeer());
    await other.dial(peer.address, seconds(5));
    await Promise.all(silent.map(closed));
  });

  test("one address has so many handshakes open and no more", async () => {
    const peer = opened(await startPeer({ limits: { handshakes_per_address: 3 } }));
    const silent = Array.from({ length: 6 }, () => raw(peer));
    let closed = 0;
    for (const socket of silent) socket.once("close", () => (closed += 1));
    await until(() => closed === 3, "the others are refused at once");
  });

  test("that send garbage, or end after each byte of a beginning, change nothing", async () => {
    const [a, b] = (await startPeers(2, { limits: { inbound_per_second: 10_000 } })).map(opened) as [Peer, Peer];
    const hello = Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n\x00\x20", "latin1");
    await whileTalking([a, b], async () => {
      const pieces = [
        ...Array.from({ length: hello.length }, (_, n) => hello.subarray(0, n)),
        Buffer.alloc(70_000, 0xff),
        Buffer.concat([hello, Buffer.alloc(70_000, 7)]),
        Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      ];
      await Promise.all(
        pieces.map(async (piece) => {
          const socket = raw(b);
          socket.end(piece);
          await closed(socket);
        }),
      );
    });
    expect(idsOf(b)).toEqual([a.self]);
  });

  test("two thousand of them in a row do not stop two honest peers", async () => {
    const [a, b] = (await startPeers(2)).map(opened) as [Peer, Peer];
    await whileTalking([a, b], async () => {
      for (let n = 0; n < 2000; n += 100) {
        const batch = Array.from({ length: 100 }, () => raw(b));
        await Promise.all(batch.map(connected));
        for (const socket of batch) socket.destroy();
      }
    });
    expect(idsOf(b)).toEqual([a.self]);
  });
});
