/** Keys handed from member to member: boxed by who has them for who may read by what is known here, kept by whom they are for. */
import type { Random } from "@shoal/shared/base/random.ts";
import type { GroupId, PublicKey } from "../../model/ids.ts";
import type { KeyBox } from "../replication.ts";
import type { Row } from "../../storage/store.ts";
import { keyRow } from "./ring.ts";
import type { KeyReader, KeyringInit } from "./reader.ts";
import { mayRead, scopesOf } from "./scopes.ts";
import { boxFor, keyIdOf, openBox } from "./sealing.ts";

/** Boxes handed to one member at once, and keys of one scope among them: the current one, and those just before it. */
const MAX_BOXES = 4096;
const BOXED_BACK = 4;

/** Current keys first. Empty for strangers. */
export function boxesFor(
  { ledger }: KeyringInit,
  reader: KeyReader,
  random: Random,
  namespaceId: GroupId,
  who: PublicKey,
): readonly KeyBox[] {
  const book = ledger.book(namespaceId);
  const namespace = book?.history.state;
  if (book === undefined || namespace === undefined) return [];
  const now: KeyBox[] = [];
  const before: KeyBox[] = [];
  for (const scope of scopesOf(namespace)) {
    if (now.length >= MAX_BOXES || !mayRead(namespace, scope, who)) continue;
    const current = namespace.rotations.get(scope.id)?.keyId;
    const earlier = reader.keyIds(book, scope).slice(-BOXED_BACK);
    for (const keyId of new Set(current === undefined ? earlier : [current, ...earlier])) {
      const key = reader.made({ book, namespace, scope }, keyId);
      const box = key && boxFor(who, key, random);
      if (key === undefined || box === undefined) continue;
      const boxed = { scope: Uint8Array.from(Buffer.from(scope.id, "hex")), keyId: keyIdOf(key), box };
      (keyId === current ? now : before).push(boxed);
    }
  }
  return [...now, ...before].slice(0, MAX_BOXES);
}

/** Keeps what opens, matches its id, is named by a log, and is new; anybody may box anything. */
export async function keepBoxes(
  { store, account }: KeyringInit,
  reader: KeyReader,
  boxes: readonly KeyBox[],
): Promise<number> {
  const rows = new Map<string, Row>();
  for (const { scope, keyId, box } of boxes) {
    const [id, named] = [Buffer.from(scope).toString("hex"), Buffer.from(keyId).toString("hex")];
    const book = reader.logOf(id, named);
    if (book === undefined) continue;
    const key = openBox(account, box);
    if (key === undefined || Buffer.compare(keyIdOf(key), keyId) !== 0) continue;
    const row = keyRow(book.namespaceId, id, keyId, key);
    if (store.get("group", row.key) === undefined) rows.set(`${id}/${named}`, row);
  }
  if (rows.size > 0) await Promise.all([store.apply([...rows.values()]), store.durable()]);
  return rows.size;
}
