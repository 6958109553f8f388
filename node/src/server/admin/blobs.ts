/** Handlers of `shared/src/wire/node/blobs.ts`: content flows from socket to store and back, a piece at a time. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { blobEndpoints } from "@shoal/shared/wire/node/blobs.ts";
import type { ContextClient } from "../../clients/context-client.ts";
import type { BlobFinder, BlobInfo, Blobs } from "../../clients/node-client.ts";
import type { BlobId, ContextId } from "../../model/ids.ts";
import { streamBody } from "../body.ts";
import type { HandlersOf } from "../call.ts";

export function blobHandlers(init: {
  readonly blobs: Blobs;
  readonly contexts: Pick<ContextClient, "getContext">;
  readonly finder: BlobFinder | undefined;
  readonly maxBytes: number;
  readonly log: Log;
}): HandlersOf<typeof blobEndpoints> {
  const { blobs, contexts, finder, maxBytes, log } = init;
  const missing = (): ShoalError => new ShoalError("not_found", "this node has no such blob", { field: "id" });
  const infoOf = async (id: BlobId): Promise<BlobInfo> => {
    const info = await blobs.info(id);
    if (info === undefined) throw missing();
    return info;
  };
  const requireContext = async (id: ContextId): Promise<void> => {
    if ((await contexts.getContext(id)) !== undefined) return;
    throw new ShoalError("not_found", "this node has no such context", { field: "context_id" });
  };
  return {
    "blobs.add": async ({ incoming, query }) => {
      if (query.context_id !== undefined) await requireContext(query.context_id);
      const content = streamBody(incoming, maxBytes);
      const options = {
        limit: maxBytes,
        ...(query.hash === undefined ? {} : { expected: query.hash }),
        ...(query.context_id === undefined ? {} : { sharedIn: query.context_id }),
      };
      return { data: viewOf(await blobs.add(content, options)) };
    },
    "blobs.list": async () => ({ data: { blobs: (await blobs.list()).map(viewOf) } }),
    "blobs.head": async ({ params }) => new Response(null, { headers: headersOf(await infoOf(params.id)) }),
    "blobs.get": async ({ params, query, outgoing }) => {
      if (query.context_id !== undefined && (await blobs.info(params.id)) === undefined) {
        await requireContext(query.context_id);
        await finder?.find(params.id, query.context_id);
      }
      const info = await infoOf(params.id);
      const content = blobs.read(params.id);
      if (content === undefined) throw missing();
      outgoing.writeHead(200, headersOf(info));
      // What fails after the first byte can only be told by a connection that ends too early.
      await pipeline(Readable.from(content, { objectMode: false }), outgoing).catch((thrown: unknown) => {
        log.debug({ blob: params.id, reason: messageOf(thrown) }, "a blob's download ended early");
        outgoing.destroy();
      });
      return RESPONSE_ALREADY_SENT;
    },
    "blobs.delete": async ({ params }) => {
      if (!(await blobs.delete(params.id))) throw missing();
      return { blobId: params.id, blob_id: params.id, deleted: true };
    },
  };
}

function viewOf({ blobId, size }: BlobInfo): { blobId: string; blob_id: string; size: number } {
  return { blobId, blob_id: blobId, size };
}

/** A blob is the same for ever under its id, but may be private and may be deleted: nobody else keeps it. */
function headersOf({ blobId, size }: BlobInfo): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "content-length": String(size),
    etag: `"${blobId}"`,
    "cache-control": "private, no-cache",
    "x-blob-id": blobId,
    "x-blob-hash": blobId,
    "x-blob-mime-type": "application/octet-stream",
  };
}
