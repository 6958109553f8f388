/** Levels the log of a namespace with a peer: equal sets of ops are equal states, so ids are all there is to compare. */
import type { GroupId } from "../model/ids.ts";
import { introduced } from "./introduce.ts";
import type { SyncParts } from "./parts.ts";
import { differenceOf, pull, push } from "./pull.ts";
import type { Session } from "./session.ts";

/** True where anything new came. */
export async function levelNamespace(parts: SyncParts, session: Session, namespaceId: GroupId): Promise<boolean> {
  const { governance, counters } = parts;
  const ask = () => session.ask("namespaceState", namespaceId);
  const theirs = await introduced(parts, session, namespaceId, ask);
  const ids = await governance.ids(namespaceId);
  if (Buffer.compare(ids.fingerprint(), theirs.fingerprint) === 0) return false;
  const { need, have } = await differenceOf(parts, ids, (body) => session.ask("reconcileOps", { namespaceId, body }));
  let came = 0;
  await pull(
    need,
    (hashes) => session.ask("ops", { namespaceId, hashes }),
    async (ops) => {
      const { added, waiting, refused } = await governance.receive(namespaceId, ops);
      came += added.length + waiting.length;
      const [first] = refused;
      if (first !== undefined) parts.network.report(session.peer, "forged", first.because);
    },
  );
  const isMember = governance.belongs(namespaceId, session.account);
  const handed = await push(
    isMember ? have : [],
    (hashes) => governance.ops(namespaceId, hashes),
    (ops) => session.ask("pushOps", { namespaceId, ops }),
  );
  counters.add("ops_pulled", came);
  counters.add("ops_pushed", handed);
  return came > 0;
}

/** Asks a member for the keys that this node may have and lacks. */
export async function fetchKeys(parts: SyncParts, session: Session, namespaceId: GroupId): Promise<number> {
  parts.counters.add("keys_asked");
  return parts.governance.keepBoxes(await session.ask("boxes", namespaceId));
}
