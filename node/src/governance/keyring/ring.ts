/** Keys that this node was given, as rows: namespace ‖ scope ‖ key id -> key, encrypted as the store is. Old ones are kept. */
import type { GroupId } from "../../model/ids.ts";
import type { Reader, Row } from "../../storage/store.ts";
import { groupKey, PREFIX } from "../keys.ts";

const keyOfKey = (namespaceId: GroupId, scope: string, keyId: Uint8Array): Uint8Array =>
  groupKey(PREFIX.scopeKey, namespaceId, Buffer.from(scope, "hex"), keyId);

export function keyRow(namespaceId: GroupId, scope: string, keyId: Uint8Array, key: Uint8Array): Row {
  return { column: "group", key: keyOfKey(namespaceId, scope, keyId), value: key };
}

/** undefined where this node was not given it. */
export function keptKey(store: Reader, namespaceId: GroupId, scope: string, keyId: Uint8Array): Uint8Array | undefined {
  return store.get("group", keyOfKey(namespaceId, scope, keyId));
}
