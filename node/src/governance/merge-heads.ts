/** Joins a log's heads in an op of their own, where they are more than a delta can name; after the call that found so. */
import type { Log } from "@shoal/shared/base/log.ts";
import { MAX_POSITION } from "../dag/delta.ts";
import type { GroupId } from "../model/ids.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Draft, Ledger } from "./ledger.ts";

export interface MergerInit {
  readonly ledger: Ledger;
  readonly account: KeyPair;
  readonly log: Log;
}

/** `groupId`: one of the namespace's that the account writes in. */
export function createMerger({ ledger, account, log }: MergerInit): (namespaceId: GroupId, groupId: GroupId) => void {
  const merging = new Set<GroupId>();
  return (namespaceId, groupId) => {
    if (merging.has(namespaceId)) return;
    merging.add(namespaceId);
    const drafts = (): readonly Draft[] => {
      const heads = ledger.book(namespaceId)?.history.heads ?? [];
      return heads.length > MAX_POSITION ? [{ groupId, signer: account, action: { type: "Noop" } }] : [];
    };
    ledger
      .submit(namespaceId, drafts)
      .catch((err: unknown) => log.warn({ namespace: namespaceId, err }, "the log's heads were not merged"))
      .finally(() => merging.delete(namespaceId));
  };
}
