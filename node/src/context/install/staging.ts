/**
 * A first state on its way: its rows stand aside, below the context's id and what they are, until all of them are there and verified.
 * The marker says of which moment they are, and whether they are being moved to where they belong.
 */
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { bytesOf, type ContextId } from "../../model/ids.ts";
import { keyOf, prefixRange, u64Key } from "../../storage/keys.ts";
import type { Reader, Row } from "../../storage/store.ts";
import type { IdItem } from "../../sync/protocols/contract.ts";
import { decodeBoundary, encodeBoundary } from "../../sync/protocols/snapshot.ts";
import type { SnapshotBoundary, StateRow } from "../replica.ts";

export const STAGED = { marker: 0, state: 1, id: 2 } as const;

export interface Marker {
  readonly boundary: SnapshotBoundary;
  /** Everything was verified, and is being moved. */
  readonly isMoving: boolean;
}

export const stagedPrefix = (id: ContextId, kind: number): Uint8Array => keyOf(bytesOf(id), Uint8Array.of(kind));

export const stagedState = (id: ContextId, { key, value }: StateRow): Row => ({
  column: "staging",
  key: keyOf(stagedPrefix(id, STAGED.state), key),
  value,
});

export const stagedId = (id: ContextId, item: IdItem): Row => ({
  column: "staging",
  key: keyOf(stagedPrefix(id, STAGED.id), item.id),
  value: u64Key(item.time),
});

export function markerRow(id: ContextId, marker: Marker | undefined): Row {
  return {
    column: "staging",
    key: stagedPrefix(id, STAGED.marker),
    value: marker === undefined ? undefined : encodeMarker(marker),
  };
}

export function readMarker(reader: Pick<Reader, "get">, id: ContextId): Marker | undefined {
  const value = reader.get("staging", stagedPrefix(id, STAGED.marker));
  return value === undefined ? undefined : decodeMarker(value);
}

/** Whether both are of one moment: then rows that were stored of the one belong to the other. */
export function isSameMoment(a: SnapshotBoundary, b: SnapshotBoundary): boolean {
  const text = (boundary: SnapshotBoundary): string =>
    Buffer.from(encodeMarker({ boundary, isMoving: false })).toString("latin1");
  return text(a) === text(b);
}

/** The last key of the state that is there. */
export async function lastStaged(store: Reader, id: ContextId): Promise<Uint8Array | undefined> {
  const prefix = stagedPrefix(id, STAGED.state);
  for await (const [key] of store.scan("staging", { ...prefixRange(prefix), reverse: true, limit: 1 })) {
    return Uint8Array.from(key.subarray(prefix.length));
  }
  return undefined;
}

function encodeMarker({ boundary, isMoving }: Marker): Uint8Array {
  return new BorshWriter().bool(isMoving).bytes(encodeBoundary(boundary)).done();
}

function decodeMarker(value: Uint8Array): Marker {
  const from = new BorshReader(value);
  const isMoving = from.bool();
  const boundary = decodeBoundary(from.bytes());
  return { boundary, isMoving };
}
