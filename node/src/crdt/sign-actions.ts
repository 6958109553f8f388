/**
 * Entries that belong to a user are signed by that user's key, which the guest never sees: after a run the host signs what
 * the guest left unsigned for it.
 */
import { BorshWriter } from "../model/borsh.ts";
import { sha256 } from "../model/sha256.ts";
import { readStorageDelta, writeStorageDelta, type Action } from "./actions.ts";
import { writeStorage, type Layout, type StorageType } from "./metadata.ts";

const SIGNATURE = 64;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * The artifact with every user action of `owner` whose signature is all zero signed by `sign` (32-byte payload to 64 bytes).
 * An artifact without such actions, or one that is not made of actions, comes back as it was.
 */
export function signUserActions(
  artifact: Uint8Array,
  owner: Uint8Array,
  sign: (payload: Uint8Array) => Uint8Array,
): Uint8Array {
  let delta;
  try {
    delta = readStorageDelta(artifact);
  } catch {
    return artifact;
  }
  if (!delta.actions.some((action) => isUnsigned(action, owner))) return artifact;
  const actions = delta.actions.map((action) =>
    isUnsigned(action, owner) ? withSignature(action, sign(payloadForSigning(action, delta.layout))) : action,
  );
  return writeStorageDelta({ ...delta, actions });
}

/** 32 bytes that the owner of an action signs. */
export function payloadForSigning(action: Action, layout: Layout): Uint8Array {
  const tail = new BorshWriter().u64(action.metadata.createdAt).u64(action.metadata.updatedAt);
  writeStorage(tail, unsigned(action.metadata.storage), layout);
  if (action.kind === "delete") {
    return sha256(ascii("v1_delete"), action.id, new BorshWriter().u64(action.deletedAt).done(), tail.done());
  }
  const ancestors = action.ancestors.flatMap(({ id, merkleHash }) => [id, merkleHash]);
  return sha256(ascii("v1_upsert"), action.id, action.data, ...ancestors, tail.done());
}

function unsigned(storage: StorageType): StorageType {
  if (storage.kind !== "user" || storage.signed === undefined) return storage;
  return { ...storage, signed: { ...storage.signed, signature: new Uint8Array(SIGNATURE) } };
}

function isUnsigned({ metadata: { storage } }: Action, owner: Uint8Array): boolean {
  return (
    storage.kind === "user" &&
    storage.signed?.signature.every((byte) => byte === 0) === true &&
    Buffer.compare(storage.owner, owner) === 0
  );
}

function withSignature(action: Action, signature: Uint8Array): Action {
  const { storage } = action.metadata;
  if (storage.kind !== "user" || storage.signed === undefined) return action;
  return {
    ...action,
    metadata: { ...action.metadata, storage: { ...storage, signed: { ...storage.signed, signature } } },
  };
}
