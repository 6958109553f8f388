import { describe, expect, test } from "vitest";
import { seeded } from "@shoal/shared/base/random.ts";
import { isLoopback, isPublic, peerIn, relayIn, withPeer } from "@shoal/node/network/libp2p/addresses.ts";
import {
  decodeAnswer,
  decodeRequest,
  encode,
  hashOf,
  TOPICS_AT_ONCE,
} from "@shoal/node/network/libp2p/rendezvous/messages.ts";
import { BOUNDS, createRegistry, TTL } from "@shoal/node/network/libp2p/rendezvous/registry.ts";

const random = seeded(1);

describe("a meeting place", () => {
  test("tells who is on a topic, not the asker itself, and not for longer than an entry lives", () => {
    const registry = createRegistry();
    registry.register("a", ["/ip4/1.2.3.4/tcp/1"], ["t"], 0);
    registry.register("b", [], ["t", "u"], 1);
    expect(registry.find("t", "b", 2, random)).toEqual(["a"]);
    expect(registry.addressesOf("a")).toEqual(["/ip4/1.2.3.4/tcp/1"]);
    expect(registry.find("t", "b", TTL, random)).toEqual([]);
    registry.sweep(TTL);
    expect(registry.size).toBe(2);
    registry.sweep(TTL + 1);
    expect(registry.size).toBe(0);
    expect(registry.addressesOf("a")).toEqual([]);
  });

  test("keeps so many topics of one, and so many peers of a topic, the newest", () => {
    const registry = createRegistry();
    const topics = Array.from({ length: BOUNDS.topicsOfPeer + 10 }, (_, n) => `t${n}`);
    registry.register("greedy", [], topics, 0);
    expect(registry.size).toBe(BOUNDS.topicsOfPeer);
    for (let n = 0; n < BOUNDS.peersOfTopic; n++) registry.register(`p${n}`, [], ["t0"], 1);
    expect(registry.size).toBe(BOUNDS.topicsOfPeer + BOUNDS.peersOfTopic - 1);
    expect(registry.find("t0", "p0", 2, random)).not.toContain("greedy");
    expect(registry.find("t0", "p0", 2, random)).toHaveLength(BOUNDS.answerOfTopic);
  });

  test("the same one again is no second entry", () => {
    const registry = createRegistry();
    for (let n = 0; n < 5; n++) registry.register("a", [`/ip4/1.2.3.4/tcp/${n}`], ["t"], n);
    expect(registry.size).toBe(1);
    expect(registry.addressesOf("a")).toEqual(["/ip4/1.2.3.4/tcp/4"]);
  });
});

describe("messages", () => {
  const topic = hashOf("ns", "t");

  test("go there and back", () => {
    const request = { topics: [topic], addresses: ["/ip4/1.2.3.4/tcp/1"] };
    expect(decodeRequest(encode(request))).toEqual(request);
    const peer = "12D3KooWEo8qG1hkNJL3vdmkkhKQ3M2TiDkE48W52M6HxCfCKG9q";
    const answer = { known: [{ peer, addresses: [] }], peers: { [topic]: [0] } };
    expect(decodeAnswer(encode(answer))).toEqual(answer);
  });

  test("of any other shape or size are refused", () => {
    const bad = [
      "",
      "[]",
      "{}",
      JSON.stringify({ topics: ["short"], addresses: [] }),
      JSON.stringify({ topics: Array.from({ length: TOPICS_AT_ONCE + 1 }, () => topic), addresses: [] }),
      JSON.stringify({ topics: [], addresses: Array.from({ length: 9 }, () => "/ip4/1.2.3.4/tcp/1") }),
      JSON.stringify({ topics: [], addresses: [`/${"x".repeat(300)}`] }),
      JSON.stringify({ topics: [], addresses: ["no address"] }),
    ];
    for (const text of bad)
      expect(() => decodeRequest(Buffer.from(text)), text.slice(0, 40)).toThrow(/rendezvous protocol/);
  });

  test("a topic in another namespace is another, and no separator makes two the same", () => {
    expect(new Set([hashOf("a", "b"), hashOf("b", "a"), hashOf("ab", ""), hashOf("", "ab")]).size).toBe(4);
  });
});

test("addresses say whose they are and who may use them", () => {
  const [relay, peer] = [
    "12D3KooWEo8qG1hkNJL3vdmkkhKQ3M2TiDkE48W52M6HxCfCKG9q",
    "12D3KooWDZgHMAKnKLqaPtwoWPfPE4dKhtji8mRTLMtFMPv1HUYP",
  ];
  const relayed = `/ip4/8.8.8.8/tcp/1/p2p/${relay}/p2p-circuit`;
  expect(peerIn(withPeer(relayed, peer))).toBe(peer);
  expect(withPeer(withPeer(relayed, peer), peer)).toBe(`${relayed}/p2p/${peer}`);
  expect(relayIn(`${relayed}/p2p/${peer}`)).toBe(relay);
  const open = ["/ip4/8.8.8.8/tcp/1", "/ip6/2a00:1450::1/tcp/1", "/dns4/example.org/tcp/1"];
  const closed = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "127.0.0.1"].map(
    (host) => `/ip4/${host}/tcp/1`,
  );
  for (const address of open) expect([address, isPublic(address)]).toEqual([address, true]);
  for (const address of [...closed, "/ip6/fe80::1/tcp/1", "/ip6/::1/tcp/1", relayed])
    expect([address, isPublic(address)]).toEqual([address, false]);
  expect(["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/ip4/10.0.0.1/tcp/1"].map(isLoopback)).toEqual([
    true,
    true,
    false,
  ]);
});
