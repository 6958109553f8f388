/**
 * The node's identifiers as they stand in its API: base58 of 32 bytes, groups and namespaces in hex. What has passed one of
 * these schemas is branded, so that no handler takes one kind for another or looks at its shape again.
 */
import { base58 } from "@scure/base";
import { z } from "zod";

declare const idBrand: unique symbol;
type Id<Kind extends string> = string & { readonly [idBrand]: Kind };

/** Ed25519 public key of the context's secret. */
export type ContextId = Id<"context">;
export type ApplicationId = Id<"application">;
/** Content hash of a blob: see the node's `blobs/`. */
export type BlobId = Id<"blob">;
/** Ed25519 public key: an identity within a context, a member of a group, a signer. */
export type PublicKey = Id<"public-key">;
/** A group's or a namespace's 32 bytes in lower-case hex. */
export type GroupId = Id<"group">;
/** 32 bytes: a delta's or an op's content hash, base58. */
export type Hash = Id<"hash">;

/** 32 zero bytes are 32 characters; nothing of 32 bytes has more than 44. */
const SHAPE = /^[1-9A-HJ-NP-Za-km-z]{32,44}$/;

const base58Of32 = z.string().refine((text) => SHAPE.test(text) && base58.decode(text).length === 32, {
  error: "expected base58 of 32 bytes",
});
const hexOf32 = z.string().regex(/^[0-9a-fA-F]{64}$/, "expected 64 hex digits");

/** `Kind`: the caller's claim of what the bytes are; the shape is all that can be checked here. */
const base58Schema = <Kind extends Id<string>>(): z.ZodType<Kind, string> =>
  base58Of32 as unknown as z.ZodType<Kind, string>;

export const contextIdSchema = base58Schema<ContextId>();
export const applicationIdSchema = base58Schema<ApplicationId>();
export const blobIdSchema = base58Schema<BlobId>();
export const publicKeySchema = base58Schema<PublicKey>();
export const hashSchema = base58Schema<Hash>();
export const groupIdSchema = hexOf32.toLowerCase() as unknown as z.ZodType<GroupId, string>;
