/**
 * Derived rows made anew from the logs. A release whose rules or rows differ from those that wrote a store raises `FORMAT`;
 * the next start then folds every log again, in one batch, and nothing of the old rows is left.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Row, Store } from "../storage/store.ts";
import { governanceCrypto } from "./crypto.ts";
import { PREFIX, prefixOf } from "./keys.ts";
import { readHeads, readLog } from "./log-rows.ts";
import { rowsBetween } from "./rows.ts";
import { fold } from "./rules/fold.ts";

/** Of rules and rows together. */
const FORMAT = 1;

const DERIVED = [
  PREFIX.meta,
  PREFIX.member,
  PREFIX.context,
  PREFIX.contextGroup,
  PREFIX.spentInvitation,
  PREFIX.nonce,
  PREFIX.denied,
  PREFIX.spentQuote,
] as const;

const FORMAT_KEY = Uint8Array.of(PREFIX.format);

/** Does nothing where the rows are of this release. */
export async function rebuildIfOlder(store: Store, log: Log): Promise<void> {
  const format = store.get("group", FORMAT_KEY)?.[0];
  if (format === FORMAT) return;
  const rows: Row[] = [{ column: "group", key: FORMAT_KEY, value: Uint8Array.of(FORMAT) }];
  for (const prefix of DERIVED) {
    for await (const [key] of store.scan("group", prefixOf(prefix))) {
      rows.push({ column: "group", key: Uint8Array.from(key), value: undefined });
    }
  }
  const heads = await readHeads(store);
  for (const namespaceId of heads.keys()) {
    const { state, refused } = fold(await readLog(store, namespaceId), governanceCrypto);
    if (state !== undefined) rows.push(...rowsBetween(undefined, state));
    if (refused.length > 0) log.warn({ namespace: namespaceId, refused }, "ops of the log are refused by this release");
  }
  await store.apply(rows);
  await store.durable();
  if (heads.size > 0) log.info({ namespaces: heads.size, from: format, to: FORMAT }, "group rows were made anew");
}
