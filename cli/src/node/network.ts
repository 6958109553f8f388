/** `shoal network`: the node among its peers. */
import type { Command } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, type Runtime } from "../session.ts";
import { actOnNode, endpointCommand, nodeFlags } from "./session.ts";

interface PeerRow {
  readonly peerId: string;
  readonly addresses: readonly string[];
  readonly direction: string;
  readonly score: number;
  readonly relayed: boolean;
  readonly latencyMs?: number | undefined;
}

const COLUMNS: readonly Column<PeerRow>[] = [
  { title: "peer", cell: (peer) => peer.peerId },
  { title: "direction", cell: (peer) => peer.direction },
  { title: "ms", cell: (peer) => (peer.latencyMs === undefined ? null : Math.round(peer.latencyMs)) },
  { title: "score", cell: (peer) => Math.round(peer.score * 10) / 10 },
  { title: "by relay", cell: (peer) => (peer.relayed ? "yes" : "no") },
  { title: "address", cell: (peer) => peer.addresses[0] ?? null },
];

export function addNetwork(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("network"))
    .description("the node among its peers: how it is reached, whom it knows, whom it refuses")
    .addHelpText(
      "after",
      "\nExample: connect one node to another:\n  shoal network status --node ada -q\n  shoal network dial /ip4/192.168.1.20/tcp/2428/p2p/12D3Koo... --node ben",
    );
  endpointCommand(group, runtime, "status", "network.status", async ({ node, output, signal }) => {
    const { data } = await node.call("network.status", { signal });
    const lists = ["listeningAddresses", "topics", "blocked", "relays"] as const;
    const shown = Object.fromEntries(lists.map((name) => [name, data[name].join("\n") || "none"]));
    // What another node dials is what a script wants.
    output.result(data, data.listeningAddresses.join("\n"), (now) => details({ ...data, ...shown }, now));
  });
  endpointCommand(group, runtime, "peers", "network.peers", async ({ node, output, signal }) => {
    const { peers } = (await node.call("network.peers", { signal })).data;
    output.result(peers, peers.map(({ peerId }) => peerId).join("\n"), (now) => table(peers, COLUMNS, now));
  });
  endpointCommand(group, runtime, "block <peer>", "network.block", async ({ node, output, signal }, args) => {
    const peerId = argument(args, 0);
    await node.call("network.block", { body: { peerId }, signal });
    output.result({ peerId }, peerId, () => `${peerId} is refused until \`shoal network unblock\``);
  });
  endpointCommand(group, runtime, "unblock <peer>", "network.unblock", async ({ node, output, signal }, args) => {
    const peerId = argument(args, 0);
    await node.call("network.unblock", { body: { peerId }, signal });
    output.result({ peerId }, peerId, () => `${peerId} is refused no more`);
  });
  endpointCommand(group, runtime, "dial <address>", "network.dial", async ({ node, output, signal }, args) => {
    const { data } = await node.call("network.dial", { body: { address: argument(args, 0) }, signal });
    output.result(data, data.peerId, () => `connected to ${data.peerId}`);
  }).addHelpText("after", "\nExample: shoal network dial /ip4/192.168.1.20/tcp/2428/p2p/12D3Koo...");
}

export function addPeers(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("peers"))
    .description("How many peers the node is connected to")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { count } = await node.call("node.peers", { signal });
        output.result({ count }, String(count), () => `${count} ${count === 1 ? "peer" : "peers"}`);
      }),
    );
}
