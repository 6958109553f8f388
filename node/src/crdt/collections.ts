/** The host-side collections of one run, put together: see `contract.ts` for what each call answers. */
import { HOST_LAYOUT, readStorageDelta, writeStorageDelta, type StorageDelta } from "./actions.ts";
import { authoredMapCalls } from "./calls/authored-map.ts";
import { authoredVectorCalls } from "./calls/authored-vector.ts";
import { counterCalls, pnCounterCalls } from "./calls/counter.ts";
import { deleteCollection } from "./calls/delete-collection.ts";
import { frozenStorageCalls } from "./calls/frozen-storage.ts";
import { mapCalls } from "./calls/map.ts";
import { registerCalls } from "./calls/register.ts";
import { persistRootState, readRootState } from "./calls/root-document.ts";
import { setCalls } from "./calls/set.ts";
import { sharedCalls } from "./calls/shared.ts";
import { textCalls } from "./calls/text.ts";
import { userStorageCalls } from "./calls/user-storage.ts";
import { vectorCalls } from "./calls/vector.ts";
import type { Collections, CollectionsEnv, Flushed, StampWindow } from "./contract.ts";
import { entityOf } from "./entity-action.ts";
import { CollectionError } from "./error.ts";
import { State } from "./state.ts";

export function createCollections(env: CollectionsEnv): Collections {
  const state = new State(env);
  return {
    map: mapCalls(state, "map"),
    sortedMap: mapCalls(state, "sortedMap"),
    set: setCalls(state, "set"),
    sortedSet: setCalls(state, "sortedSet"),
    vector: vectorCalls(state),
    register: registerCalls(state),
    counter: counterCalls(state),
    pnCounter: pnCounterCalls(state),
    text: textCalls(state),
    userStorage: userStorageCalls(state),
    frozenStorage: frozenStorageCalls(state),
    authoredMap: authoredMapCalls(state),
    authoredVector: authoredVectorCalls(state),
    shared: sharedCalls(state),
    deleteCollection: (id) => deleteCollection(state, id),
    persistRootState: (document, createdAt) => persistRootState(state, document, createdAt),
    readRootState: () => readRootState(state),
    applyDelta: (artifact, window) => applyDelta(state, artifact, window ?? {}),
    flush: () => flush(state),
  };
}

/** All actions are judged before the first is applied, and judging asks for nothing that applying changes. */
function applyDelta(state: State, artifact: Uint8Array, window: StampWindow): void {
  if (artifact.length === 0) return;
  let delta: StorageDelta;
  try {
    delta = readStorageDelta(artifact, [HOST_LAYOUT]);
  } catch (cause) {
    throw new CollectionError("the delta cannot be read", "invalid_argument", cause);
  }
  for (const entity of delta.actions.map((action) => entityOf(action, state.env, window))) state.merge(entity);
}

function flush(state: State): Flushed | undefined {
  const flushed = state.flush();
  if (flushed === undefined) return undefined;
  const { rootHash, actions } = flushed;
  return {
    rootHash,
    artifact: actions.length === 0 ? new Uint8Array() : writeStorageDelta({ layout: HOST_LAYOUT, actions }),
  };
}
