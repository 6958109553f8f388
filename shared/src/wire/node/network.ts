/** The node among its peers: how it is reached, whom it knows, whom it refuses. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint, emptyData } from "./endpoint.ts";

/** base58 of a key's multihash; what other peers can be called is for the network to say. */
const peerIdSchema = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{20,128}$/, "expected a peer id");
const onePeer = z.object({ peerId: peerIdSchema });

/** A multiaddress that ends in a peer id. */
const addressSchema = z
  .string()
  .max(1024)
  .regex(/^\/.+\/p2p\/[1-9A-HJ-NP-Za-km-z]{20,128}$/, "expected a multiaddress that ends in /p2p/<peer id>");

export const networkEndpoints = [
  defineNodeEndpoint({
    id: "network.status",
    method: "GET",
    path: "/admin-api/network/status",
    permission: "admin",
    summary: "Addresses, peers and topics, and whether others can reach the node",
    answer: dataOf(
      z.object({
        peerId: z.string(),
        listeningAddresses: z.array(z.string()).describe("as others may dial them"),
        connectedPeers: z.int(),
        topics: z.array(z.string()),
        blocked: z.array(z.string()),
        reachability: z.enum(["public", "private", "unknown"]),
        relays: z.array(z.string()),
      }),
    ),
    generation: "G3",
  }),
  defineNodeEndpoint({
    id: "network.peers",
    method: "GET",
    path: "/admin-api/network/peers",
    permission: "admin",
    summary: "Connected peers",
    answer: dataOf(
      z.object({
        peers: z.array(
          z.object({
            peerId: z.string(),
            addresses: z.array(z.string()),
            direction: z.enum(["inbound", "outbound"]),
            connectedAtMs: z.number(),
            score: z
              .number()
              .describe("0 for a stranger who did nothing wrong; falls with each fault, recovers with time"),
            relayed: z.boolean(),
            latencyMs: z.number().optional(),
          }),
        ),
      }),
    ),
    generation: "shoal",
  }),
  defineNodeEndpoint({
    id: "network.block",
    method: "POST",
    path: "/admin-api/network/block",
    permission: "admin",
    summary: "Cuts a peer off, and refuses it until it is unblocked",
    body: onePeer,
    answer: emptyData,
    generation: "shoal",
    errors: ["unavailable"],
  }),
  defineNodeEndpoint({
    id: "network.unblock",
    method: "POST",
    path: "/admin-api/network/unblock",
    permission: "admin",
    summary: "Refuses a peer no more",
    body: onePeer,
    answer: emptyData,
    generation: "shoal",
    errors: ["unavailable"],
  }),
  defineNodeEndpoint({
    id: "network.dial",
    method: "POST",
    path: "/admin-api/network/dial",
    permission: "admin",
    summary: "Connects to a peer by its address",
    body: z.object({ address: addressSchema }),
    answer: dataOf(z.object({ peerId: z.string() })),
    generation: "shoal",
    errors: ["unavailable", "deadline_exceeded"],
  }),
] as const;
