/** Where a comparison goes on: ids in hex down to the entity that was told last. What is before it is passed by. */
import type { TreeCursor } from "./tree-contract.ts";

export interface Edge {
  readonly cursor: TreeCursor;
  readonly depth: number;
}

/** A place in the tree: an entity below another; `up` is undefined for the context. */
export interface Place {
  readonly up: Place | undefined;
  readonly hex: string;
}

export const edgeFrom = (cursor: TreeCursor | undefined): Edge | undefined =>
  cursor === undefined || cursor.length === 0 ? undefined : { cursor, depth: 0 };

/** Whether all ids that begin with `path` were told. */
export function isPast(edge: Edge | undefined, path: string): boolean {
  return edge !== undefined && path < edge.cursor[edge.depth]!.slice(0, path.length);
}

/** `told`: the entity was; what is below it may not have been, from `edge` on. */
export interface Standing {
  readonly told: boolean;
  readonly edge: Edge | undefined;
}

/** Of an entity among its siblings; undefined where it was told with all that is below it. */
export function standingOf(edge: Edge | undefined, hex: string): Standing | undefined {
  if (edge === undefined) return { told: false, edge: undefined };
  const bound = edge.cursor[edge.depth]!;
  if (hex < bound) return undefined;
  if (hex > bound) return { told: false, edge: undefined };
  const depth = edge.depth + 1;
  return { told: true, edge: depth < edge.cursor.length ? { cursor: edge.cursor, depth } : undefined };
}

export function cursorOf(place: Place): TreeCursor {
  const ids: string[] = [];
  for (let at: Place | undefined = place; at?.up !== undefined; at = at.up) ids.push(at.hex);
  return ids.reverse();
}
