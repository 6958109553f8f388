/** Blobs: content by its hash, streamed both ways. Ids are given in camel and in snake case, since clients read either. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "./endpoint.ts";
import { blobIdSchema, contextIdSchema } from "./ids.ts";

const blob = z.object({ id: blobIdSchema });
const ofContext = { context_id: contextIdSchema.optional() };
const shared = { context_id: contextIdSchema.optional().describe("whose members may have it") };
const among = { context_id: contextIdSchema.optional().describe("whose members are asked for what is not here") };
const info = z.object({ blobId: z.string(), blob_id: z.string(), size: z.int() });

export const blobEndpoints = [
  defineNodeEndpoint({
    id: "blobs.add",
    method: "PUT",
    path: "/admin-api/blobs",
    permission: "blob:add:stream",
    summary: "Stores the request's body, at most 1 GiB",
    query: z.object({
      hash: z.string().min(1).max(128).optional().describe("expected content hash; anything else is refused"),
      ...shared,
    }),
    body: "bytes",
    answer: dataOf(info),
    generation: "G2 G3",
    errors: ["payload_too_large", "not_found"],
  }),
  defineNodeEndpoint({
    id: "blobs.list",
    method: "GET",
    path: "/admin-api/blobs",
    permission: "blob:list",
    summary: "Blobs of this node",
    answer: dataOf(z.object({ blobs: z.array(info) })),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "blobs.head",
    method: "HEAD",
    path: "/admin-api/blobs/{id}",
    permission: "blob:get[{id}]",
    summary: "A blob's size and id, as headers",
    params: blob,
    query: z.object(ofContext),
    answer: "bytes",
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "blobs.get",
    method: "GET",
    path: "/admin-api/blobs/{id}",
    permission: "blob:get[{id}]",
    summary: "A blob's content; what is not here comes from members of a context",
    params: blob,
    query: z.object(among),
    answer: "bytes",
    generation: "G2 G3",
    errors: ["not_found", "unavailable"],
  }),
  defineNodeEndpoint({
    id: "blobs.delete",
    method: "DELETE",
    path: "/admin-api/blobs/{id}",
    permission: "blob:remove[{id}]",
    summary: "Deletes a blob that nothing refers to any more",
    params: blob,
    answer: z.object({ blobId: z.string(), blob_id: z.string(), deleted: z.boolean() }),
    generation: "G2 G3",
    errors: ["not_found", "conflict"],
  }),
] as const;
