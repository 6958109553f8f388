/** Contexts towards other nodes, put together: see `replica.ts` for what each means. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, idOf, type ApplicationId, type ContextId, type Hash } from "../model/ids.ts";
import { keyOf } from "../storage/keys.ts";
import { known } from "./handlers/queries.ts";
import { beginInstall } from "./install/install.ts";
import type { ContextParts } from "./parts.ts";
import { mergeRequest } from "./receive/apply.ts";
import type { Receiver } from "./receive/receiver.ts";
import { layoutOf, openSnapshot } from "./replica-snapshot.ts";
import type { AwaitedVersion, ContextReplicas } from "./replica.ts";
import { resolveModule } from "./run.ts";

export function contextReplicas(parts: ContextParts, receiver: Receiver): ContextReplicas {
  const { registry, store, idSets, events, watchers } = parts;
  return {
    list: () => registry.list().map(({ id }) => id),
    summary(contextId) {
      const context = registry.get(contextId);
      if (context === undefined) return undefined;
      const { isInitialized, rootHash: root, dagHeads, deltas = 0 } = context;
      return { contextId, isInitialized, root, heads: dagHeads.toSorted(), deltas, layout: layoutOf(store, context) };
    },
    ids: (id) => idSets.of(id),
    deltas: async (id, ids) => ids.map((each) => store.get("delta", keyOf(bytesOf(id), bytesOf(each)))),
    receive: (id, deltas) => receiver.receive(id, deltas),
    awaited: () => registry.list().flatMap((context) => awaitedBy(parts, context)),
    waitsForOps: (id) =>
      parts.inboxes
        .peek(id)
        ?.aside()
        .some(([, until]) => until === "governance") === true,
    missing: (id, limit) => receiver.missing(id, limit),
    governanceGrew: (id) => receiver.again(id),
    mergeEntities: (id, artifact) => mergeEntities(parts, id, artifact),
    snapshot: (id) => openSnapshot(parts, id, true),
    beginInstall: (id, boundary) =>
      beginInstall(parts, id, boundary, () => void receiver.again(id).catch(() => undefined)),
    stateOf: (id) => openSnapshot(parts, id, false),
    hearEphemeral(contextId, author, state) {
      events.publish({ contextId, event: { type: "Ephemeral", author, state, removed: state.length === 0 } });
    },
    onCommitted: (listener) => watchers.on("committed", listener),
    onEphemeral: (listener) => watchers.on("ephemeral", listener),
    onContext: (listener) => watchers.on("context", listener),
    onAwaited: (listener) => watchers.on("awaited", listener),
    onDivergence: (listener) => watchers.on("divergence", listener),
    onResync: (listener) => watchers.on("resync", listener),
  };
}

/** What the context runs, and what its moves that cannot be applied yet lead to. */
function awaitedBy({ inboxes }: ContextParts, { id, applicationId, version, appKey }: Context): AwaitedVersion[] {
  const moves = [...(inboxes.peek(id)?.awaiting.values() ?? [])].map((move) => ({
    contextId: id,
    applicationId: idOf<ApplicationId>(move.applicationId),
    version: move.version,
    appKey: Buffer.from(move.appKey).toString("hex"),
  }));
  return appKey === undefined ? moves : [{ contextId: id, applicationId, version, appKey }, ...moves];
}

/** In the context's write turn; the heads stay, since no delta says what changed. */
async function mergeEntities(parts: ContextParts, id: ContextId, artifact: Uint8Array): Promise<Hash> {
  known(parts, id);
  const { root, stored } = await parts.turns.run(id, "write", async () => {
    await parts.ahead.room(id);
    const failures = parts.ahead.failures(id);
    const { module } = await resolveModule(parts, id);
    const tip = parts.ahead.tip(id) ?? known(parts, id);
    if (!tip.isInitialized) throw new ShoalError("unavailable", "the context waits for its first state");
    const deltas = [{ artifact, upon: [] }];
    const { results, rows } = await parts.executor.merge({ ...mergeRequest(parts, tip, module), deltas });
    if (parts.ahead.failures(id) !== failures) throw new ShoalError("unavailable", "the state could not be stored");
    const [result] = results;
    if (result === undefined || "refused" in result) {
      throw new ShoalError("invalid_argument", result?.refused ?? "nothing was merged", { field: "artifact" });
    }
    const next: Context = { ...tip, rootHash: idOf<Hash>(result.root) };
    const there = (): void => {
      parts.events.publish({ contextId: id, event: { type: "StateMutation", newRoot: next.rootHash, events: [] } });
    };
    return { root: next.rootHash, stored: parts.ahead.append(next, [...rows, parts.registry.row(next)], there) };
  });
  await stored;
  return root;
}
