/**
 * Entries that belong to a user, or that only some may write, are signed by the key of who writes them, which the guest never
 * sees: after a run the host signs what the guest left unsigned for it.
 */
import { BorshWriter } from "../model/borsh.ts";
import { sha256 } from "../model/sha256.ts";
import { readStorageDelta, writeStorageDelta, type Action } from "./actions.ts";
import { writeStorage, type Layout, type Signed, type StorageType } from "./metadata.ts";

const SIGNATURE = 64;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * The artifact with every action that waits for the signature of `key` signed by `sign` (32-byte payload to 64 bytes): those
 * of entries that `key` owns, and those of shared entries that name it as their signer, where the signature is all zero.
 * An artifact without such actions, or one that is not made of actions, comes back as it was.
 */
export function signUserActions(
  artifact: Uint8Array,
  key: Uint8Array,
  sign: (payload: Uint8Array) => Uint8Array,
): Uint8Array {
  let delta;
  try {
    delta = readStorageDelta(artifact);
  } catch {
    return artifact;
  }
  if (!delta.actions.some((action) => isUnsigned(action, key))) return artifact;
  const actions = delta.actions.map((action) =>
    isUnsigned(action, key) ? withSignature(action, sign(payloadForSigning(action, delta.layout))) : action,
  );
  return writeStorageDelta({ ...delta, actions });
}

function isUnsigned({ metadata: { storage } }: Action, key: Uint8Array): boolean {
  if (storage.kind === "public" || storage.kind === "frozen") return false;
  const signer = storage.kind === "user" ? storage.owner : storage.signed?.signer;
  return (
    signer !== undefined &&
    storage.signed?.signature.every((byte) => byte === 0) === true &&
    Buffer.compare(signer, key) === 0
  );
}

function withSignature(action: Action, signature: Uint8Array): Action {
  const { storage } = action.metadata;
  if (storage.kind === "public" || storage.kind === "frozen" || storage.signed === undefined) return action;
  return {
    ...action,
    metadata: { ...action.metadata, storage: { ...storage, signed: { ...storage.signed, signature } } },
  };
}

/**
 * 32 bytes that the owner or a writer of an entry signs. The first payload covers the action as its author's tree had it; the
 * one that follows covers who may write what, so that a signature outlives changes of the tree around it.
 */
export function payloadForSigning(action: Action, layout: Layout): Uint8Array {
  return layout === "G2" || isOfHost(action) ? treePayload(action, layout) : rightsPayload(action, layout);
}

/** An action of the host's own collections has its parent as the only ancestor, of which it says nothing but the id. */
function isOfHost(action: Action): boolean {
  if (action.kind === "delete" || action.ancestors.length !== 1) return false;
  const { merkleHash, metadata } = action.ancestors[0]!;
  return metadata.createdAt === 0n && metadata.updatedAt === 0n && merkleHash.every((byte) => byte === 0);
}

function treePayload(action: Action, layout: Layout): Uint8Array {
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

function rightsPayload(action: Action, layout: Layout): Uint8Array {
  const tail = new BorshWriter();
  writeRights(tail, action.metadata.storage, layout);
  if (action.kind === "delete") {
    return sha256(ascii("v2_delete"), action.id, new BorshWriter().u64(action.deletedAt).done(), tail.done());
  }
  return sha256(ascii("v2_upsert"), action.id, action.data, tail.done());
}

/** The kinds have other tags here than where they are stored. */
function writeRights(writer: BorshWriter, storage: StorageType, layout: Layout): void {
  switch (storage.kind) {
    case "public":
      writer.u8(0);
      return;
    case "frozen":
      writer.u8(1);
      return;
    case "user":
      // The owner alone can have signed: a hint of who it was would only be a second way to say it.
      writer
        .u8(2)
        .fixed(storage.owner)
        .option(storage.signed, (inner, { nonce }) => inner.u64(nonce));
      return;
    case "shared":
      writer.u8(3).vec(storage.writers, (inner, [account, mask]) => {
        inner.fixed(account);
        if (layout === "G3") inner.u8(mask);
      });
      writeClaim(writer, storage.signed);
      return;
    case "shared-member":
      writer.u8(4).fixed(storage.anchor);
      writeClaim(writer, storage.signed);
  }
}

function writeClaim(writer: BorshWriter, signed: Signed | undefined): void {
  writer.option(signed, (inner, { nonce, signer }) => inner.u64(nonce).option(signer, (each, key) => each.fixed(key)));
}
