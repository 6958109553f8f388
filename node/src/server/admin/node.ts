/** Handlers of `shared/src/wire/node/node.ts`. */
import { hex } from "@scure/base";
import type { Registry } from "prom-client";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { nodeEndpoints } from "@shoal/shared/wire/node/node.ts";
import type { NodeClient } from "../../clients/node-client.ts";
import { bytesOf } from "../../model/ids.ts";
import type { HandlersOf } from "../call.ts";
import { openApiDocument } from "../openapi.ts";

export interface NodeHandlersInit {
  readonly nodes: NodeClient;
  readonly registry: Registry;
  /** Why the node takes no work at present; undefined while it does. */
  readonly unready: () => string | undefined;
  /** PEM of the certificate that the node's address is served with, if any. */
  readonly certificate: string | undefined;
}

const ALIVE = { data: { status: "alive" } };

export function nodeHandlers(init: NodeHandlersInit): HandlersOf<typeof nodeEndpoints> {
  const { nodes, registry } = init;
  const document = openApiDocument(nodes.identity().version);
  const ready = async (): Promise<{ data: { status: string } }> => {
    const reason = init.unready();
    if (reason !== undefined) throw new ShoalError("unavailable", reason, { retryAfterSeconds: 1 });
    return { data: { status: "ready" } };
  };
  return {
    "openapi.get": async () => document,
    "node.adminHealth": async () => ALIVE,
    "node.health": async () => ALIVE,
    "node.adminReady": ready,
    "node.ready": ready,
    "node.isAuthed": async () => ALIVE,
    "node.certificate": async () => {
      if (init.certificate === undefined)
        throw new ShoalError("not_found", "this node is served without a certificate");
      return new Response(init.certificate, { headers: { "content-type": "application/x-pem-file" } });
    },
    "node.metrics": async () =>
      new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } }),
    "node.peers": async () => ({ count: (await nodes.peers()).length }),
    "node.generateIdentity": async () => ({ data: { publicKey: await nodes.generateIdentity() } }),
    "node.identity": async () => {
      const { peerId, publicKey, version } = nodes.identity();
      const account = hex.encode(bytesOf(publicKey));
      return { data: { accountId: account, deviceId: account, publicKey, peerId, version } };
    },
    "node.usage": async () => ({ data: { ...(await nodes.usage()) } }),
    "node.collect": async ({ body }) => ({ data: await nodes.collect(body) }),
  };
}
