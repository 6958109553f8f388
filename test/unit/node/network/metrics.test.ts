import { afterEach, expect, test } from "vitest";
import { Registry } from "prom-client";
import { seconds } from "@shoal/shared/base/time.ts";
import { closeAll, onTopic, startPeer, until, type Peer } from "./rig.ts";

let open: readonly Peer[] = [];
afterEach(() => closeAll(open));

test("what the network does is counted, and what peers do wrong by its kind", async () => {
  const registry = new Registry();
  const [a, b] = (open = [await startPeer(), await startPeer({ registry })]) as [Peer, Peer];
  await a.dial(b.address, seconds(10));
  let heard = 0;
  b.onGossip(async () => {
    heard += 1;
    return heard === 1 ? "accept" : "reject";
  });
  await onTopic([a, b], "t");
  await a.publish("t", Buffer.from("good"));
  await until(() => heard === 1, "the first");
  await a.publish("t", Buffer.from("bad"));
  await until(() => heard === 2, "the second");
  b.report(a.self, "forged", "a test");
  await until(() => (b.peers()[0]?.score ?? 0) < 0, "it is held against it");
  const text = await registry.metrics();
  expect(text).toContain("shoal_network_peers 1");
  expect(text).toContain('shoal_network_gossip_heard_total{verdict="accept"} 1');
  expect(text).toContain('shoal_network_gossip_heard_total{verdict="reject"} 1');
  expect(text).toContain('shoal_network_offences_total{kind="rejected"} 1');
  expect(text).toContain('shoal_network_offences_total{kind="forged"} 1');
});
