/**
 * From an outcome to what is stored: the state rows that the run left, a signed delta that says what changed, and the context
 * with its new root and single head; all of it in one batch.
 */
import { attachSignatures } from "../crdt/attach-signatures.ts";
import { signUserActions } from "../crdt/sign-actions.ts";
import { sealDelta, type DeltaBody } from "../dag/delta.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, idOf, type Hash, type PublicKey } from "../model/ids.ts";
import { sign } from "../model/keys.ts";
import type { Outcome, RunFailure } from "../runtime/contract.ts";
import { keyOf } from "../storage/keys.ts";
import type { Row } from "../storage/store.ts";
import type { ContextParts } from "./parts.ts";

export interface CommitInput {
  readonly context: Context;
  readonly identity: PublicKey;
  /** 32-byte seed of the identity. */
  readonly secret: Uint8Array;
  readonly outcome: Outcome;
}

interface Built {
  readonly rows: readonly Row[];
  readonly context: Context;
}

export interface Committed {
  /** As it was, or as a failure where it cannot be committed. */
  readonly outcome: Outcome;
  /** Resolves when it is on disk and subscribers know. */
  readonly stored: Promise<void>;
}

/** Sends what the run did on its way to the store. */
export function commit(parts: ContextParts, input: CommitInput): Committed {
  const { outcome } = input;
  const nothing = Promise.resolve();
  if ("failure" in outcome.returns) return { outcome, stored: nothing };
  const inconsistency = inconsistencyOf(input.context, outcome);
  if (inconsistency !== undefined) {
    return { outcome: { ...outcome, returns: { failure: inconsistency }, events: [], xcalls: [] }, stored: nothing };
  }
  const built = buildCommit(parts, input);
  if (built === undefined) return { outcome, stored: nothing };
  const stored = parts.ahead.append(built.context, built.rows).then(() => publish(parts, built.context, outcome));
  return { outcome, stored };
}

/** The rows of a commit and the context as it is then; undefined where the run committed nothing. */
export function buildCommit(parts: ContextParts, input: CommitInput): Built | undefined {
  const { context, outcome, identity, secret } = input;
  if (outcome.rootHash === undefined) return undefined;
  // Nothing shared changed: what is left are rows of this node alone.
  if (outcome.artifact.length === 0) {
    return { context, rows: [...outcome.rows, parts.registry.row(context)] };
  }
  const signer = (message: Uint8Array): Uint8Array => sign(secret, message);
  const artifact = signUserActions(outcome.artifact, bytesOf(identity), signer);
  const body: DeltaBody = {
    context: bytesOf(context.id),
    parents: context.dagHeads.map(bytesOf).toSorted((a, b) => Buffer.compare(a, b)),
    artifact,
    hlc: parts.hlc.next(),
    expectedRoot: outcome.rootHash,
    author: bytesOf(identity),
    position: parts.membership.position(context.id).map(bytesOf),
    events: outcome.events,
  };
  const { id, bytes } = sealDelta(body, signer);
  const next: Context = { ...context, rootHash: idOf<Hash>(outcome.rootHash), dagHeads: [idOf<Hash>(id)] };
  const rows = artifact === outcome.artifact ? outcome.rows : signedRows(body.context, outcome.rows, artifact);
  return {
    context: next,
    rows: [...rows, { column: "delta", key: keyOf(body.context, id), value: bytes }, parts.registry.row(next)],
  };
}

/** The rows of host-side collections with the signatures that their entries were given after the run. */
function signedRows(context: Uint8Array, rows: readonly Row[], artifact: Uint8Array): readonly Row[] {
  const named = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
  const state = new Map(
    rows.filter(({ column }) => column === "state").map((row) => [named(row.key.subarray(context.length)), row]),
  );
  attachSignatures(
    {
      get: (key) => state.get(named(key))?.value,
      set: (key, value) => void state.set(named(key), { column: "state", key: keyOf(context, key), value }),
    },
    artifact,
  );
  return [...rows.filter(({ column }) => column !== "state"), ...state.values()];
}

/** A new root without a delta cannot reach anybody: the module is at fault, and the context stays as it was. */
function inconsistencyOf(context: Context, outcome: Outcome): RunFailure | undefined {
  if (outcome.rootHash === undefined || outcome.artifact.length > 0) return undefined;
  if (idOf<Hash>(outcome.rootHash) === context.rootHash) return undefined;
  return {
    kind: "HostError",
    detail: "StateInconsistency",
    message: "the method committed a new root without saying what changed",
  };
}

function publish(parts: ContextParts, context: Context, outcome: Outcome): void {
  parts.events.publish({
    contextId: context.id,
    event: { type: "StateMutation", newRoot: context.rootHash, events: outcome.events },
  });
}
