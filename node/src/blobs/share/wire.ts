/**
 * What is said on a blob channel after both sides have proven their accounts: a request is one frame, an answer is one frame,
 * but for chunks, which come in a frame each. Every answer begins with its status.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";
import { groupBytes, groupIdOf } from "../../governance/keys.ts";
import { type ApplicationId, type BlobId, bytesOf, type ContextId, type GroupId, idOf } from "../../model/ids.ts";
import { bytes, bytes32, type Codec, listOf, mapped, number32, optional, record, text } from "../../sync/codec.ts";
import { CHUNK_BYTES } from "../chunk.ts";

/** Bytes of a blob that travels between nodes. */
export const SHARED_MAX_BYTES = 500 * 1024 * 1024;
const MAX_CHUNKS = SHARED_MAX_BYTES / CHUNK_BYTES;
/** Chunks of one request: what is in doubt, and asked again elsewhere, when a peer fails. */
export const BATCH_CHUNKS = 8;
/** A request has its size, whatever it asks for; more is no request. */
export const REQUEST_MAX_BYTES = 16 * 1024;

/** How long one answer that is no chunk may take, one chunk, all chunks of a request, and an asker's next request. */
export const ANSWER_WITHIN: DurationMs = seconds(5);
export const CHUNK_WITHIN: DurationMs = seconds(30);
export const BATCH_WITHIN: DurationMs = seconds(60);
export const REQUEST_WITHIN: DurationMs = seconds(30);

/** In whose name somebody asks: as who may read a context, or as one of a namespace, for its applications. */
export type Scope =
  | { readonly type: "context"; readonly contextId: ContextId }
  | { readonly type: "namespace"; readonly namespaceId: GroupId };

export const scopeName = (scope: Scope): string =>
  scope.type === "context" ? `context:${scope.contextId}` : `namespace:${scope.namespaceId}`;

export interface BlobRequest {
  readonly scope: Scope;
  readonly blobId: BlobId;
}
export interface ChunksRequest extends BlobRequest {
  /** Places of chunks, answered in this order. */
  readonly chunks: readonly number[];
}
/** A version of an application, by the blob that it was installed from. */
export type ApplicationRequest = BlobRequest & { readonly applicationId: ApplicationId };

export type Request =
  | ({ readonly type: "manifest" } & BlobRequest)
  | ({ readonly type: "chunks" } & ChunksRequest)
  | ({ readonly type: "application" } & ApplicationRequest);

export interface SharedManifest {
  readonly size: number;
  readonly chunks: readonly Uint8Array[];
}

/** What a raw module's id is made of beside its content. */
export interface ApplicationRecord {
  readonly source: string;
  readonly metadata: Uint8Array;
}

/** `refused`: the asker's account may not have it, or the blob is none of the scope's. `busy`: others are served. */
export const STATUSES = ["ok", "missing", "refused", "busy"] as const;
export type Status = (typeof STATUSES)[number];

const blobId: Codec<BlobId> = mapped(bytes32, (raw) => idOf<BlobId>(raw), bytesOf);
const contextId: Codec<ContextId> = mapped(bytes32, (raw) => idOf<ContextId>(raw), bytesOf);
const namespaceId: Codec<GroupId> = mapped(bytes32, groupIdOf, groupBytes);
const applicationId: Codec<ApplicationId> = mapped(bytes32, (raw) => idOf<ApplicationId>(raw), bytesOf);

const scope: Codec<Scope> = mapped(
  record<{ context: ContextId | undefined; namespace: GroupId | undefined }>({
    context: optional(contextId),
    namespace: optional(namespaceId),
  }),
  ({ context, namespace }) => {
    if (context !== undefined && namespace === undefined) return { type: "context", contextId: context };
    if (context === undefined && namespace !== undefined) return { type: "namespace", namespaceId: namespace };
    throw new ShoalError("invalid_argument", "a request is made for one context or one namespace");
  },
  (given) => ({
    context: given.type === "context" ? given.contextId : undefined,
    namespace: given.type === "namespace" ? given.namespaceId : undefined,
  }),
);

/** In the order of their tags: only ever appended to. */
export const REQUESTS = ["manifest", "chunks", "application"] as const;
export const requestCodecs = {
  manifest: record<BlobRequest>({ scope, blobId }),
  chunks: record<ChunksRequest>({ scope, blobId, chunks: listOf(number32, BATCH_CHUNKS) }),
  application: record<ApplicationRequest>({ scope, blobId, applicationId }),
} as const;

export const manifestCodec: Codec<SharedManifest> = record<SharedManifest>({
  size: number32,
  chunks: listOf(bytes32, MAX_CHUNKS),
});

const atMost = <T extends string | Uint8Array>(codec: Codec<T>, most: number, what: string): Codec<T> =>
  mapped(
    codec,
    (value) => {
      if (value.length <= most) return value;
      throw new ShoalError("invalid_argument", `${what} has at most ${most}, not ${value.length}`);
    },
    (value) => value,
  );

/** A URL or path of a raw module, and what its installer said of it. */
export const recordCodec: Codec<ApplicationRecord> = record<ApplicationRecord>({
  source: atMost(text, NODE_CAPS.path + "file://".length, "a source"),
  metadata: atMost(bytes, NODE_CAPS.metadataBytes, "metadata"),
});
