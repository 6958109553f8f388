/**
 * The first state of an empty replica from a peer: rows and ids in pages, kept aside until all of it was verified. The next
 * page is on its way while this one is put away.
 */
import type { ContextId } from "../model/ids.ts";
import { decodeBoundary, decodeIdsPage, decodeRowsPage, encodeIdKey } from "./protocols/snapshot.ts";
import type { SyncParts } from "./parts.ts";
import type { Session } from "./session.ts";

export async function installFrom({ contexts, log }: SyncParts, session: Session, contextId: ContextId): Promise<void> {
  const boundary = decodeBoundary(await session.ask("snapshot", contextId));
  const install = await contexts.beginInstall(contextId, boundary);
  await eachPage({
    ask: async (after) => decodeRowsPage(await session.ask("snapshotRows", { after })),
    from: install.resumeAfter,
    keyOf: ({ key }) => key,
    take: (rows) => install.add(rows),
  });
  await eachPage({
    ask: async (after) => decodeIdsPage(await session.ask("snapshotIds", { after })),
    from: undefined,
    keyOf: encodeIdKey,
    take: (items) => install.addIds(items),
  });
  await install.finish();
  log.info({ context: contextId, from: session.peer, deltas: boundary.deltas }, "context has its first state");
}

interface Pages<T> {
  readonly ask: (after: Uint8Array | undefined) => Promise<readonly T[]>;
  readonly from: Uint8Array | undefined;
  readonly keyOf: (item: T) => Uint8Array;
  readonly take: (items: readonly T[]) => Promise<void>;
}

/** Until a page is empty. Rejects as asking and taking do, and then with no page on its way. */
async function eachPage<T>({ ask, from, keyOf, take }: Pages<T>): Promise<void> {
  let page = await ask(from);
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    const next = ask(keyOf(last));
    try {
      await take(page);
    } catch (thrown) {
      await next.catch(() => undefined);
      throw thrown;
    }
    page = await next;
  }
}
