/** Ids for tests: base58 of 32 equal bytes, and such in hex. */
import {
  idOf,
  type ApplicationId,
  type BlobId,
  type ContextId,
  type GroupId,
  type Hash,
  type PublicKey,
} from "@shoal/node/model/ids.ts";

type Base58Id = ApplicationId | BlobId | ContextId | Hash | PublicKey;

export const id = <Kind extends Base58Id>(n: number): Kind => idOf<Kind>(new Uint8Array(32).fill(n));
export const groupId = (n: number): GroupId => n.toString(16).padStart(2, "0").repeat(32) as GroupId;

export const CONTEXT = id<ContextId>(1);
export const OTHER_CONTEXT = id<ContextId>(2);
export const APPLICATION = id<ApplicationId>(3);
export const ALICE = id<PublicKey>(4);
export const BOB = id<PublicKey>(5);
export const GROUP = groupId(6);
