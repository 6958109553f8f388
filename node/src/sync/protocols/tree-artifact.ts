/**
 * Entities as storage deltas that the ordinary merge takes: of the host's collections, or of a guest. What an entity's rows do
 * not suffice to say is named, with why: only the delta that wrote it can bring it.
 */
import { writeStorageDelta, type Action } from "../../crdt/actions.ts";
import { HOST_LAYOUT } from "../../crdt/actions.ts";
import { actionOf } from "../../crdt/entity-action.ts";
import { ENTRY } from "../../crdt/kinds.ts";
import type { Layout, Metadata } from "../../crdt/metadata.ts";
import type { GuestEntity, TreeWrite } from "./tree-contract.ts";

export interface Unsaid {
  readonly id: Uint8Array;
  readonly because: string;
}

interface Artifacts {
  /** borsh StorageDelta each, in the order in which they are to be merged. */
  readonly artifacts: readonly Uint8Array[];
  /** What is said in part or not at all. */
  readonly unsaid: readonly Unsaid[];
}

/** Bytes of data in one artifact; an entity that is larger is alone in its own. */
const ARTIFACT_BYTES = 1024 * 1024;
/** Of an action beside its data. */
const OVERHEAD = 256;

/** `writes`: parents before their children, as `compareTrees` tells them. */
export function artifactsOf(writes: readonly TreeWrite[], limit = ARTIFACT_BYTES): Artifacts {
  const artifacts: Uint8Array[] = [];
  const unsaid: Unsaid[] = [];
  let group: { readonly layout: Layout; readonly actions: Action[]; bytes: number } | undefined;
  const close = (): void => {
    if (group !== undefined) artifacts.push(writeStorageDelta(group));
    group = undefined;
  };
  for (const write of writes) {
    const { action, layout, because } = write.kind === "host" ? ofHost(write) : ofGuest(write.entity, write.parent);
    if (because !== undefined) unsaid.push({ id: write.entity.id, because });
    if (action === undefined) continue;
    const bytes = OVERHEAD + (action.kind === "delete" ? 0 : action.data.length);
    if (group !== undefined && (group.layout !== layout || group.bytes + bytes > limit)) close();
    group ??= { layout, actions: [], bytes: 0 };
    group.actions.push(action);
    group.bytes += bytes;
  }
  close();
  return { artifacts, unsaid };
}

interface Said {
  readonly layout: Layout;
  readonly action?: Action;
  readonly because?: string;
}

function ofHost({ entity, other }: TreeWrite & { kind: "host" }): Said {
  const { write } = entity;
  const layout = HOST_LAYOUT;
  const { signature } = write;
  if (write.owner === undefined) return { layout, action: actionOf(entity, true, undefined).action };
  if (signature === undefined) return { layout, because: "the entry bears no signature of its owner" };
  const { action } = actionOf(entity, true, () => signature);
  // Its author's word for an earlier time counts for nothing: who holds a key is who wrote it first.
  const isDated = write.data[0] !== ENTRY.authoredEntry || write.createdAt === write.updatedAt;
  const isKnown = other !== undefined && other.write.createdAt <= write.createdAt;
  return isDated || isKnown
    ? { layout, action }
    : { layout, action, because: "when an authored entry was first written is known from its first delta alone" };
}

const ZERO = new Uint8Array(32);
const NOTHING: Metadata = { createdAt: 0n, updatedAt: 0n, storage: { kind: "public" } };

function ofGuest(entity: GuestEntity, about: Metadata | undefined): Said {
  const { layout, id, parent, metadata, deletedAt, value } = entity;
  const { storage } = metadata;
  const isSigned = storage.kind !== "public" && storage.kind !== "frozen";
  if (value === undefined) {
    if (deletedAt === undefined) return { layout, because: "the entity has no value" };
    // The row that a deletion leaves has the signature of the write before it.
    if (isSigned) return { layout, because: "the signature of a deletion is in its delta alone" };
    return { layout, action: { kind: "delete", id, deletedAt, metadata } };
  }
  if (isSigned && storage.signed === undefined) return { layout, because: "the entity bears no signature" };
  // Such a signature is over the hashes that the tree had around the entity when it was written.
  if (isSigned && layout === "G2") return { layout, because: "what is signed of the entity is in its delta alone" };
  const ancestors = parent === undefined ? [] : [{ id: parent, merkleHash: ZERO, metadata: about ?? NOTHING }];
  return { layout, action: { kind: "update", id, data: value, ancestors, metadata } };
}
