/** Blobs of a node: content of any size, streamed both ways. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { pathOf, searchOf } from "../request.ts";
import type { Fetch } from "../types.ts";
import type { NodeSession } from "./session.ts";
import { jsonOf, request, type NodeContent } from "./wire.ts";

export type BlobContent = NodeContent;

export interface BlobInfo {
  readonly blobId: string;
  /** Bytes. */
  readonly size: number;
}

export interface NodeBlobs {
  /** Stores a blob; with `hash`, only if that is what its content hashes to. */
  upload(
    content: BlobContent,
    options?: { readonly hash?: string | undefined; readonly signal?: AbortSignal },
  ): Promise<BlobInfo>;
  download(blobId: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Throws `not_found` where the node does not have it. */
  blobInfo(blobId: string, signal?: AbortSignal): Promise<BlobInfo>;
}

export function createBlobs(init: {
  readonly fetch: Fetch;
  readonly base: string;
  readonly session: NodeSession;
}): NodeBlobs {
  const { fetch, base, session } = init;
  const at = (id: string): string => pathOf("/admin-api/blobs/{id}", { id });
  return {
    async upload(content, { hash, signal } = {}) {
      // What is long should not be sent for nothing, and a stream can be sent but once: whether the token still holds is
      // asked before, and if it does, it does so for the moment that the upload takes to begin.
      if (!(content instanceof Uint8Array)) await renewIfExpired(init, signal);
      const asked = {
        method: "PUT",
        target: `/admin-api/blobs${searchOf({ hash })}`,
        body: content,
        contentType: "application/octet-stream",
        signal,
      };
      let isSpent = false;
      const response = await session.signedIn((token) => {
        if (isSpent) throw new ShoalError("unauthenticated", "the token expired as the upload began: upload it again");
        isSpent = content instanceof ReadableStream;
        return request(fetch, base, { ...asked, token });
      });
      const { data } = (await jsonOf(response, signal)) as { readonly data: BlobInfo };
      return { blobId: data.blobId, size: data.size };
    },

    async download(blobId, signal) {
      const asked = { method: "GET", target: at(blobId), signal, accept: "*/*" };
      const response = await session.signedIn((token) => request(fetch, base, { ...asked, token }));
      if (response.body === null) throw new ShoalError("internal", "the blob has no content");
      return response.body;
    },

    async blobInfo(blobId, signal) {
      const asked = { method: "HEAD", target: at(blobId), signal, accept: "*/*" };
      const { headers } = await session.signedIn((token) => request(fetch, base, { ...asked, token }));
      return { blobId: headers.get("x-blob-id") ?? blobId, size: Number(headers.get("content-length")) };
    },
  };
}

/** Any request that asks for a token and does nothing. */
async function renewIfExpired(
  { fetch, base, session }: Parameters<typeof createBlobs>[0],
  signal: AbortSignal | undefined,
): Promise<void> {
  const asked = { method: "GET", target: "/admin-api/identity", signal };
  await session.signedIn(async (token) => {
    if (token !== undefined) await jsonOf(await request(fetch, base, { ...asked, token }), signal);
  });
}
