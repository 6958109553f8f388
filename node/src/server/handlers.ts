/** All REST handlers of a node by id: one for each endpoint, or the compiler says which is missing. */
import type { nodeApi } from "@shoal/shared/wire/node/index.ts";
import type { ContextClient } from "../clients/context-client.ts";
import type { NetworkClient } from "../clients/network-client.ts";
import type { PeerPorts } from "./server.ts";
import { aliasHandlers } from "./admin/aliases.ts";
import { applicationHandlers } from "./admin/applications.ts";
import { blobHandlers } from "./admin/blobs.ts";
import { contextHandlers } from "./admin/contexts.ts";
import type { GovernanceHandlers } from "./admin/governance/index.ts";
import { networkHandlers } from "./admin/network.ts";
import { nodeHandlers, type NodeHandlersInit } from "./admin/node.ts";
import type { HandlersOf } from "./call.ts";
import type { UntypedHandler } from "./road.ts";
import { streamHandlers } from "./sse/handlers.ts";
import type { EventStreams } from "./sse/streams.ts";
import type { Log } from "@shoal/shared/base/log.ts";

export function allHandlers(
  init: NodeHandlersInit & {
    readonly contexts: ContextClient;
    readonly network: NetworkClient;
    readonly peers?: PeerPorts;
    readonly streams: EventStreams;
    readonly governance: GovernanceHandlers;
    readonly maxBlobBytes: number;
    readonly log: Log;
  },
): Readonly<Record<string, UntypedHandler>> {
  const { nodes, contexts, log } = init;
  const handlers: HandlersOf<typeof nodeApi> = {
    ...nodeHandlers(init),
    ...networkHandlers(init.network),
    ...applicationHandlers(nodes),
    ...contextHandlers(contexts, init.peers?.join),
    ...blobHandlers({ blobs: nodes.blobs, contexts, finder: init.peers?.finder, maxBytes: init.maxBlobBytes, log }),
    ...aliasHandlers(nodes.aliases),
    ...streamHandlers(init.streams),
    ...init.governance,
  };
  // The endpoints' schemas say at run time what the handlers' types say at compile time.
  return handlers as unknown as Readonly<Record<string, UntypedHandler>>;
}
