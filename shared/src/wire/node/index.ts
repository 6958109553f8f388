/** The registry: every REST endpoint of a node, by id. JSON-RPC and WebSocket messages are in `rpc.ts` and `socket.ts`. */
import { applicationEndpoints } from "./applications.ts";
import type { NodeEndpoint } from "./endpoint.ts";
import { governanceEndpoints } from "./governance/index.ts";

const ALL = [...applicationEndpoints, ...governanceEndpoints] as const;

/** In the order of the documentation; where two paths match, the one without a parameter is meant. */
export const NODE_ENDPOINTS: readonly NodeEndpoint[] = ALL;
