/** Between entities and the actions of an artifact: what a run says of its writes, and what may be believed of others'. */
import type { Entity, Write } from "../storage/merkle/entity-row.ts";
import { HOST_LAYOUT, type Action } from "./actions.ts";
import type { CollectionsEnv, StampWindow } from "./contract.ts";
import { CollectionError } from "./error.ts";
import {
  collectionName,
  ENTRY,
  entryName,
  IMMUTABLE,
  LASTING,
  MERGED,
  OWNED,
  ROOT_DOCUMENT,
  ROOT_DOCUMENT_ID,
} from "./kinds.ts";
import type { Metadata, StorageType } from "./metadata.ts";
import { entryId } from "./payloads.ts";
import { payloadForSigning } from "./sign-actions.ts";

const HASH = new Uint8Array(32);
const UNSIGNED = new Uint8Array(64);
const NOTHING: Metadata = { createdAt: 0n, updatedAt: 0n, storage: { kind: "public" } };

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The action that tells others of a write, with its signature where `sign` is there and the entry has an owner. */
export function actionOf(
  { id, parent, write }: Entity,
  stored: boolean,
  sign: CollectionsEnv["sign"],
): { readonly action: Action; readonly signature: Uint8Array | undefined } {
  const action = (signature: Uint8Array): Action => ({
    kind: stored ? "update" : "add",
    id,
    // The flag stands before the kind so that a deletion is signed like any write, and says of what it is one.
    data: Buffer.concat([Uint8Array.of(write.deleted ? 1 : 0), write.data]),
    ancestors: [{ id: parent, merkleHash: HASH, metadata: NOTHING }],
    metadata: { createdAt: claimed(write), updatedAt: write.updatedAt, storage: storageOf(write, signature) },
  });
  const unsigned = action(UNSIGNED);
  if (write.owner === undefined || sign === undefined) return { action: unsigned, signature: undefined };
  const signature = sign(payloadForSigning(unsigned, HOST_LAYOUT));
  return { action: action(signature), signature };
}

/** When an authored entry was first written is not its author's to say: replicas remember it. */
const claimed = (write: Write): bigint => (write.data[0] === ENTRY.authoredEntry ? write.updatedAt : write.createdAt);

function storageOf(write: Write, signature: Uint8Array): StorageType {
  if (write.owner !== undefined) {
    return { kind: "user", owner: write.owner, signed: { signature, nonce: write.updatedAt } };
  }
  const name = entryName(write.data[0]);
  return { kind: name === "frozenValue" ? "frozen" : "public" };
}

/**
 * The entity that somebody else's action writes. Judged by the action alone, so that every replica judges it alike: form, id,
 * stamps, owner and signature. Throws `CollectionError`.
 */
export function entityOf(action: Action, env: CollectionsEnv, window: StampWindow): Entity {
  if (action.kind === "delete") refuse("collections say a removal by a write of its entry");
  const { id, data, ancestors, metadata } = action;
  const [parent] = ancestors;
  if (ancestors.length !== 1 || parent === undefined) refuse("an entity has exactly one ancestor: its parent");
  const flag = data[0];
  if (data.length < 2 || flag === undefined || flag > 1) refuse("the data of an entity begins with its flag and kind");
  const { createdAt, updatedAt, storage } = metadata;
  if (createdAt > updatedAt) refuse("an entity is created before it is updated");
  if (window.afterNs !== undefined && updatedAt <= window.afterNs) refuse("the write is dated before what it follows");
  if (window.untilNs !== undefined && updatedAt > window.untilNs) refuse("the write is dated too far ahead");
  const owner = storage.kind === "user" ? storage.owner : undefined;
  const write: Write = {
    createdAt,
    updatedAt,
    deleted: flag === 1,
    data: data.slice(1),
    ...(owner === undefined ? {} : { owner }),
    ...(storage.kind === "user" && storage.signed !== undefined ? { signature: storage.signed.signature } : {}),
  };
  if (same(parent.id, env.context)) judgeTop(id, write, storage);
  else judgeEntry(id, parent.id, write, storage);
  if (storage.kind === "user") judgeSignature(action, storage, env);
  return { id, parent: parent.id, write };
}

/** Collections and the root document. */
function judgeTop(id: Uint8Array, { data, deleted }: Write, storage: StorageType): void {
  if (storage.kind !== "public") refuse("a collection has no owner");
  const isDocument = data[0] === ROOT_DOCUMENT;
  if (isDocument !== same(id, ROOT_DOCUMENT_ID)) refuse("the root document has an id of its own");
  if (isDocument) return;
  const name = collectionName(data[0]);
  if (name === undefined || data.length !== 1) refuse("the data of a collection is a known kind alone");
  if (deleted && LASTING.has(name)) refuse(`a collection of kind ${name} is not deleted by a tombstone`);
}

function judgeEntry(id: Uint8Array, parent: Uint8Array, write: Write, storage: StorageType): void {
  const name = entryName(write.data[0]);
  if (name === undefined) refuse("the entry is of no known kind");
  const needed = OWNED.has(name) ? "user" : name === "frozenValue" ? "frozen" : "public";
  if (storage.kind !== needed) refuse(`an entry of kind ${name} is ${needed}`);
  if (name === "authoredEntry" && write.createdAt !== write.updatedAt)
    refuse("an authored entry claims no earlier time");
  if (write.deleted && (IMMUTABLE.has(name) || MERGED.has(name) || name === "sharedSlot")) {
    refuse(`an entry of kind ${name} is never deleted`);
  }
  let expected;
  try {
    expected = entryId(name, parent, write.data, write.owner);
  } catch (cause) {
    throw new CollectionError(`the entry of kind ${name} cannot be read`, "invalid_argument", cause);
  }
  if (!same(expected, id)) refuse(`the entry of kind ${name} stands at an id that is not its own`);
}

function judgeSignature(action: Action, storage: StorageType & { kind: "user" }, env: CollectionsEnv): void {
  const { signed, owner } = storage;
  if (signed === undefined || signed.nonce !== action.metadata.updatedAt) refuse("the entry's signature is missing");
  if (!env.verify(owner, signed.signature, payloadForSigning(action, HOST_LAYOUT))) {
    throw new CollectionError("the entry's signature is not its owner's", "permission_denied");
  }
}

function refuse(message: string): never {
  throw new CollectionError(message);
}
