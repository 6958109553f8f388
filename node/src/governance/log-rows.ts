/**
 * The log of a namespace as rows: one per op, its canonical bytes, at its place in the order of arrival. Parents stand before
 * children, so a log is read from the front.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { GroupId } from "../model/ids.ts";
import type { Reader, Row } from "../storage/store.ts";
import { hashOf } from "./crypto.ts";
import { groupInKey, opKey, PREFIX, prefixOf, restOfKey } from "./keys.ts";
import type { LoggedOp, SignedOp } from "./rules/op.ts";

export function opRow(namespace: GroupId, position: number, bytes: Uint8Array | undefined): Row {
  return { column: "group", key: opKey(namespace, position), value: bytes };
}

export interface StoredOp {
  readonly namespaceId: GroupId;
  readonly position: number;
  readonly logged: LoggedOp;
}

/** Every op of every log, namespace by namespace. They were judged when they came; hashes are computed, not believed. */
export async function* readLogs(store: Reader): AsyncIterable<StoredOp> {
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.op))) {
    const rest = restOfKey(key);
    const position = Number(new DataView(rest.buffer, rest.byteOffset, 8).getBigUint64(0));
    yield { namespaceId: groupInKey(key), position, logged: opOf(value) };
  }
}

/** An op from its stored bytes, whose form was checked before they were stored. */
export function opOf(bytes: Uint8Array): LoggedOp {
  try {
    const op = JSON.parse(new TextDecoder().decode(bytes)) as SignedOp;
    return { hash: hashOf(op), op };
  } catch (cause) {
    throw new ShoalError("internal", "a stored op cannot be read", { cause });
  }
}
