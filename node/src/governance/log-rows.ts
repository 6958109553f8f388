/**
 * The log of a namespace as rows: its ops in the order they were applied here, a way to find one by its hash, and the heads.
 * State is derived from it and never the other way round.
 */
import type { GroupId, Hash } from "../model/ids.ts";
import { u64Key, prefixRange } from "../storage/keys.ts";
import type { Reader, Row } from "../storage/store.ts";
import { hashOf } from "./crypto.ts";
import { groupInKey, groupKey, idKey, opKey, PREFIX, prefixOf } from "./keys.ts";
import type { LoggedOp } from "./rules/fold.ts";
import type { SignedOp } from "./rules/op.ts";

/** Where a log stands. */
export interface Head {
  /** Ops so far; the next one's position. */
  readonly length: number;
  /** What the next op names as its parents. */
  readonly heads: readonly Hash[];
  /** `atMs` of the latest op: no op of ours goes back behind it. */
  readonly atMs: number;
}

export const NO_HEAD: Head = { length: 0, heads: [], atMs: 0 };

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decode = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

export function opRows(namespace: GroupId, position: number, { hash, op }: LoggedOp): readonly Row[] {
  return [
    { column: "group", key: opKey(namespace, position), value: encode(op) },
    { column: "group", key: idKey(PREFIX.opByHash, namespace, hash), value: u64Key(BigInt(position)) },
  ];
}

export function headRow(namespace: GroupId, head: Head): Row {
  return { column: "group", key: groupKey(PREFIX.head, namespace), value: encode(head) };
}

export async function readHeads(store: Reader): Promise<ReadonlyMap<GroupId, Head>> {
  const heads = new Map<GroupId, Head>();
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.head))) {
    heads.set(groupInKey(key), decode<Head>(value));
  }
  return heads;
}

/** The whole log; hashes are computed, not believed. */
export async function readLog(store: Reader, namespace: GroupId): Promise<readonly LoggedOp[]> {
  const ops: LoggedOp[] = [];
  for await (const [, value] of store.scan("group", prefixRange(groupKey(PREFIX.op, namespace)))) {
    const op = decode<SignedOp>(value);
    ops.push({ hash: hashOf(op), op });
  }
  return ops;
}
