/** The registry: every REST endpoint of a node. JSON-RPC and the WebSocket's messages are in `rpc.ts`. */
import { aliasEndpoints } from "./aliases.ts";
import { applicationEndpoints } from "./applications.ts";
import { blobEndpoints } from "./blobs.ts";
import { contextEndpoints } from "./contexts.ts";
import type { NodeEndpoint } from "./endpoint.ts";
import { governanceEndpoints } from "./governance/index.ts";
import { networkEndpoints } from "./network.ts";
import { nodeEndpoints } from "./node.ts";
import { streamEndpoints } from "./streams.ts";

/** In the order of the documentation; where two paths match, the one without a parameter is meant. */
export const nodeApi = [
  ...nodeEndpoints,
  ...networkEndpoints,
  ...applicationEndpoints,
  ...contextEndpoints,
  ...blobEndpoints,
  ...aliasEndpoints,
  ...streamEndpoints,
  ...governanceEndpoints,
] as const;

export const NODE_ENDPOINTS: readonly NodeEndpoint[] = [...nodeApi];

/** Each endpoint's own type, by its id. */
export type NodeEndpointById = { readonly [E in (typeof nodeApi)[number] as E["id"]]: E };
export type NodeEndpointId = keyof NodeEndpointById;
