/** The first state of an empty replica from a peer: rows and ids in pages, kept aside until all of it was verified. */
import type { ContextId } from "../model/ids.ts";
import type { IdItem } from "./protocols/contract.ts";
import { decodeBoundary, decodeIdsPage, decodeRowsPage, encodeIdKey } from "./protocols/snapshot.ts";
import type { SyncParts } from "./parts.ts";
import type { Session } from "./session.ts";

export async function installFrom({ contexts, log }: SyncParts, session: Session, contextId: ContextId): Promise<void> {
  const boundary = decodeBoundary(await session.ask("snapshot", contextId));
  const install = await contexts.beginInstall(contextId, boundary);
  let after = install.resumeAfter;
  for (;;) {
    const rows = decodeRowsPage(await session.ask("snapshotRows", { after }));
    const last = rows.at(-1);
    if (last === undefined) break;
    await install.add(rows);
    after = last.key;
  }
  let item: IdItem | undefined;
  for (;;) {
    const items = decodeIdsPage(
      await session.ask("snapshotIds", { after: item === undefined ? undefined : encodeIdKey(item) }),
    );
    item = items.at(-1);
    if (item === undefined) break;
    await install.addIds(items);
  }
  await install.finish();
  log.info({ context: contextId, from: session.peer, deltas: boundary.deltas }, "context has its first state");
}
