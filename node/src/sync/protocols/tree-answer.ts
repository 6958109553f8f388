/** The answering side of tree comparison: keeps nothing between requests, and reads no more for one than a bound. */
import { bytesOf } from "../../model/ids.ts";
import { sha256 } from "../../model/sha256.ts";
import { decodeEntityIndex, type EntityIndex } from "../../storage/merkle/entity-index.ts";
import { entityKey, guestEntryKey, guestIndexKey, nodeKey, ROW } from "../../storage/merkle/row-keys.ts";
import { encodeNode } from "../../storage/merkle/trie-node.ts";
import type { GetRow } from "./contract.ts";
import type { TreeState } from "./tree-contract.ts";
import { writeGuestEntity, writeGuestIndex } from "./tree-guest-wire.ts";
import { hexOf, leavesOfList, leavesOfRows, writeLeaves, type Leaves } from "./tree-leaves.ts";
import {
  ANSWER_BYTES,
  decodeRequest,
  encodeAnswer,
  MAX_LEAVES,
  MIN_ITEMS,
  type TreeAnswer,
  type TreeAsk,
} from "./tree-wire.ts";

/** Bytes of rows that one request may make us read: a guest's index can be megabytes. */
const READ_BYTES = 32 * 1024 * 1024;
/** Children of an index that are worth sending before anybody asked for them. */
const NARROW = 16;

/** Answers one request from one moment of the state. Throws `invalid_argument` for anything that is no request. */
export function answerTree(state: TreeState, request: Uint8Array): Uint8Array {
  const { asks, ahead } = decodeRequest(request);
  const reader = new Reading(state);
  const items: (Uint8Array | undefined)[] = [];
  for (const ask of asks) {
    if (items.length >= MIN_ITEMS && reader.isSpent) break;
    const item = reader.item(ask);
    items.push(item);
    reader.told += item?.length ?? 0;
  }
  return encodeAnswer({
    layout: state.layout,
    mark: markOf(state),
    items,
    ahead: reader.ahead(asks, items.length, ahead),
  });
}

class Reading {
  readonly #get: GetRow;
  #read = 0;
  /** The last that was read: several nodes of a long list are asked for in a row. */
  #last: { readonly id: string; readonly index: EntityIndex; leaves?: Leaves } | undefined;
  told = 0;

  constructor(state: TreeState) {
    this.#get = (key) => {
      const row = state.get(key);
      this.#read += row?.length ?? 0;
      return row;
    };
  }

  get isSpent(): boolean {
    return this.told >= ANSWER_BYTES || this.#read >= READ_BYTES;
  }

  item({ kind, id, path }: TreeAsk): Uint8Array | undefined {
    switch (kind) {
      case "node":
        return this.#get(nodeKey(ROW.node, id, path));
      case "shared":
        return this.#get(nodeKey(ROW.shared, id, path));
      case "children": {
        const node = this.#children(id)?.node(path);
        return node === undefined ? undefined : encodeNode(node);
      }
      case "nodeLeaves":
        return told(leavesOfRows(this.#get, ROW.node, id), path);
      case "sharedLeaves":
        return told(leavesOfRows(this.#get, ROW.shared, id), path);
      case "childrenLeaves":
        return told(this.#children(id), path);
      case "collection":
        return this.#get(entityKey(ROW.collection, id));
      case "entry":
        return this.#get(entityKey(ROW.entry, id));
      case "index": {
        const index = this.#index(id);
        return index === undefined ? undefined : writeGuestIndex(index);
      }
      case "entity": {
        const index = this.#index(id);
        return index === undefined ? undefined : writeGuestEntity(index, this.#get(guestEntryKey(id)));
      }
    }
  }

  /** Indexes below those asked for, the nearest first, where few stand side by side. */
  ahead(asks: readonly TreeAsk[], answered: number, limit: number): TreeAnswer["ahead"] {
    if (limit === 0 || answered < asks.length) return [];
    const found: { id: Uint8Array; item: Uint8Array }[] = [];
    const queue = asks.flatMap(({ kind, id }) => (kind === "index" ? [id] : []));
    for (let at = 0; at < queue.length; at++) {
      const children = this.#index(queue[at]!)?.children ?? [];
      if (children.length > NARROW) continue;
      for (const child of children) {
        const index = this.#index(child.id);
        if (index === undefined) continue;
        if (found.length === limit || this.isSpent) return found;
        const item = writeGuestIndex(index);
        this.told += item.length;
        found.push({ id: child.id, item });
        queue.push(child.id);
      }
    }
    return found;
  }

  #index(id: Uint8Array): EntityIndex | undefined {
    return this.#held(id)?.index;
  }

  #children(id: Uint8Array): Leaves | undefined {
    const held = this.#held(id);
    if (held !== undefined) held.leaves ??= leavesOfList(held.index.children);
    return held?.leaves;
  }

  #held(id: Uint8Array): { readonly index: EntityIndex; leaves?: Leaves } | undefined {
    const name = hexOf(id);
    if (this.#last?.id === name) return this.#last;
    const row = this.#get(guestIndexKey(id));
    const index = row === undefined ? undefined : decodeEntityIndex(row);
    if (index === undefined) return undefined;
    this.#last = { id: name, index };
    return this.#last;
  }
}

function told(leaves: Leaves | undefined, path: string): Uint8Array | undefined {
  const below = leaves?.below(path, MAX_LEAVES);
  return below === undefined ? undefined : writeLeaves(below);
}

/** The root in the host's layout; a guest's is within a row that may be long, whose hash says as much. */
function markOf({ layout, contextId, get }: TreeState): Uint8Array {
  const context = bytesOf(contextId);
  const row = get(layout === "guest" ? guestIndexKey(context) : nodeKey(ROW.node, context, ""));
  return row === undefined ? new Uint8Array(32) : sha256(row);
}
