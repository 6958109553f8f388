import { afterEach, describe, expect, test } from "vitest";
import { MAX_FRAME, type Channel } from "@shoal/node/network/contract.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { closeAll, startPeers, until, type Peer, type PeerOptions } from "./rig.ts";

let open: readonly Peer[] = [];
afterEach(async () => {
  await closeAll(open);
  open = [];
});

const two = async (options?: PeerOptions): Promise<readonly [Peer, Peer]> => {
  open = await startPeers(2, options);
  return open as readonly [Peer, Peer];
};

const ECHO = "/test/echo/1";
const WITHIN = seconds(5);

function echo(peer: Peer): void {
  peer.handle(ECHO, async (channel) => {
    for (;;) {
      const frame = await channel.receive(WITHIN);
      if (frame === undefined) return;
      await channel.send(frame);
    }
  });
}

describe("channels", () => {
  test("carry frames in order, empty ones and the largest too", async () => {
    const [a, b] = await two();
    echo(b);
    const channel = await a.open(b.self, ECHO, WITHIN);
    expect(channel.peer).toBe(b.self);
    for (const size of [0, 1, 65_535, 65_536, MAX_FRAME]) {
      const frame = Buffer.alloc(size, size % 251);
      const sent = channel.send(frame);
      expect(frame.equals((await channel.receive(WITHIN)) ?? Buffer.from("none"))).toBe(true);
      await sent;
    }
    await expect(channel.send(new Uint8Array(MAX_FRAME + 1))).rejects.toMatchObject({ code: "payload_too_large" });
    await channel.close();
    await expect(channel.send(new Uint8Array(1))).rejects.toMatchObject({ code: "unavailable" });
  });

  test("what was sent before the close arrives, then the end", async () => {
    const [a, b] = await two();
    const got: (number | undefined)[] = [];
    b.handle(ECHO, async (channel) => {
      for (let frame = await channel.receive(WITHIN); ; frame = await channel.receive(WITHIN)) {
        got.push(frame?.length);
        if (frame === undefined) return;
      }
    });
    const channel = await a.open(b.self, ECHO, WITHIN);
    const sizes = [10, 1_000_000, 20];
    await Promise.all([...sizes.map((size) => channel.send(new Uint8Array(size))), channel.close()]);
    await until(() => got.length === 4, "all and the end");
    expect(got).toEqual([...sizes, undefined]);
    expect(a.peers()[0]?.score).toBe(0);
  });

  test("a reader that does not read holds the writer up, and nothing is lost", async () => {
    const [a, b] = await two();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let bytes = 0;
    b.handle(ECHO, async (channel) => {
      await held;
      for (let frame = await channel.receive(WITHIN); frame !== undefined; frame = await channel.receive(WITHIN))
        bytes += frame.length;
      await channel.send(Buffer.from("done"));
    });
    const channel = await a.open(b.self, ECHO, WITHIN);
    let taken = 0;
    const all = (async () => {
      for (let n = 0; n < 20; n++) {
        await channel.send(new Uint8Array(1024 * 1024));
        taken += 1;
      }
    })();
    await until(() => taken > 0, "the first is taken");
    await new Promise((resolve) => setTimeout(resolve, 300));
    // A window, a buffer, and no more.
    expect(taken).toBeLessThan(8);
    release();
    await all;
    await channel.close();
    await until(() => bytes === 20 * 1024 * 1024, "all is read");
  });

  test("a reader that takes its time gets everything, and the stream is never torn for it", async () => {
    const [a, b] = await two();
    let bytes = 0;
    b.handle(ECHO, async (channel) => {
      for (let frame = await channel.receive(WITHIN); frame !== undefined; frame = await channel.receive(WITHIN)) {
        bytes += frame.length;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    const channel = await a.open(b.self, ECHO, WITHIN);
    for (let n = 0; n < 500; n++) await channel.send(new Uint8Array(64 * 1024));
    await channel.close();
    await until(() => bytes === 500 * 64 * 1024, "all is read");
  });

  test("who cannot be reached, or does not speak the protocol, is unavailable", async () => {
    const [a, b] = await two();
    await expect(a.open(b.self, "/test/none/1", WITHIN)).rejects.toMatchObject({ code: "unavailable" });
    await expect(a.open("12D3KooWEo8qG1hkNJL3vdmkkhKQ3M2TiDkE48W52M6HxCfCKG9q", ECHO, WITHIN)).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(a.open("nobody", ECHO, WITHIN)).rejects.toMatchObject({ code: expect.any(String) });
    await expect(a.dial("/ip4/127.0.0.1/tcp/1", WITHIN)).rejects.toMatchObject({ code: "unavailable" });
    await expect(a.dial("nonsense", WITHIN)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("a peer that never answers meets the deadline, and the channel can go on", async () => {
    const [a, b] = await two();
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    b.handle(ECHO, async (channel) => {
      await asked;
      await channel.send(Buffer.from("late"));
      await channel.receive(WITHIN);
    });
    const channel = await a.open(b.self, ECHO, WITHIN);
    await expect(channel.receive(milliseconds(100))).rejects.toMatchObject({ code: "deadline_exceeded" });
    answer();
    expect(Buffer.from((await channel.receive(WITHIN)) ?? []).toString()).toBe("late");
    expect(a.peers()[0]?.score).toBe(0);
  });

  test("the end of the process is no close", async () => {
    const [a, b] = await two();
    echo(b);
    const channel = await a.open(b.self, ECHO, WITHIN);
    await channel.send(Buffer.from("x"));
    await channel.receive(WITHIN);
    const next = channel.receive(WITHIN);
    await Promise.all([b.close(), expect(next).rejects.toMatchObject({ code: "unavailable" })]);
    await expect(channel.receive(WITHIN)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a handler that throws ends its channel and nothing else", async () => {
    const [a, b] = await two();
    b.handle("/test/bad/1", async () => {
      throw new Error("a mistake");
    });
    echo(b);
    const bad = await a.open(b.self, "/test/bad/1", WITHIN);
    await expect(bad.receive(WITHIN)).rejects.toMatchObject({ code: "unavailable" });
    const good = await a.open(b.self, ECHO, WITHIN);
    await good.send(Buffer.from("x"));
    expect(await good.receive(WITHIN)).toHaveLength(1);
  });

  test("one peer opens so many channels and no more; when some end, others may begin", async () => {
    const [a, b] = await two({ limits: { streams_per_peer: 5 } });
    echo(b);
    const channels: Channel[] = [];
    const works = async (channel: Channel): Promise<boolean> => {
      try {
        await channel.send(Buffer.from("x"));
        return (await channel.receive(WITHIN)) !== undefined;
      } catch {
        return false;
      }
    };
    for (let n = 0; n < 5; n++) channels.push(await a.open(b.self, ECHO, WITHIN));
    for (const channel of channels) expect(await works(channel)).toBe(true);
    expect(await works(await a.open(b.self, ECHO, WITHIN))).toBe(false);
    await channels[0]?.close();
    await until(() => b.peers().length === 1, "still connected");
    await expect
      .poll(async () => works(await a.open(b.self, ECHO, WITHIN)), { timeout: 10_000, interval: 100 })
      .toBe(true);
  });
});
