/**
 * From an outcome to what is stored: the state rows that the run left, a signed delta that says what changed, and the context
 * with its new root and single head; all of it in one batch.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { attachSignatures } from "../crdt/attach-signatures.ts";
import { latestStamp } from "../crdt/latest-stamp.ts";
import { signUserActions } from "../crdt/sign-actions.ts";
import { MAX_DELTA_BYTES, MAX_PARENTS, sealDelta, type DeltaBody, type Move } from "../dag/delta.ts";
import { nanosecondsOf } from "../dag/hlc.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, idOf, type ContextId, type Hash, type PublicKey } from "../model/ids.ts";
import { sign } from "../model/keys.ts";
import type { Outcome, RunFailure } from "../runtime/contract.ts";
import { keyOf } from "../storage/keys.ts";
import type { Row } from "../storage/store.ts";
import { knownRow } from "./known.ts";
import { movedBy } from "./moves.ts";
import type { ContextParts } from "./parts.ts";
import type { MadeDelta } from "./receive/inboxes.ts";

export interface CommitInput {
  readonly context: Context;
  readonly identity: PublicKey;
  /** 32-byte seed of the identity. */
  readonly secret: Uint8Array;
  readonly outcome: Outcome;
  /** The row of the event that the call handled, removed. */
  readonly handles?: Row;
  /** Governance heads that the delta names, where they are not those of now. */
  readonly position?: readonly Hash[];
  /** What the delta moves the context to. Then there is a delta, whether anything changed or not. */
  readonly move?: Move;
}

interface Built {
  readonly rows: readonly Row[];
  readonly context: Context;
  /** Absent where nothing shared changed. */
  readonly delta?: MadeDelta;
}

export interface Committed {
  /** As it was, or as a failure where it cannot be committed. */
  readonly outcome: Outcome;
  /** Resolves when it is on disk and subscribers know. */
  readonly stored: Promise<void>;
}

/** Sends what the run did on its way to the store. Call it in the context's write turn. */
export function commit(parts: ContextParts, input: CommitInput): Committed {
  const { outcome } = input;
  const nothing = Promise.resolve();
  if ("failure" in outcome.returns) return { outcome, stored: nothing };
  const failed = (failure: RunFailure): Committed => ({
    outcome: { ...outcome, returns: { failure }, events: [], xcalls: [] },
    stored: nothing,
  });
  const inconsistency = inconsistencyOf(input.context, outcome);
  if (inconsistency !== undefined) return failed(inconsistency);
  const built = buildCommit(parts, input);
  if (built === undefined) return { outcome, stored: nothing };
  if ("failure" in built) return failed(built.failure);
  const { context, rows, delta } = built;
  const there = (): void => {
    if (delta !== undefined) tellStored(parts, context.id, delta);
    publish(parts, context, outcome);
  };
  const stored = parts.ahead.append(context, rows, there).catch((thrown: unknown) => {
    // What it knows of the order may never have come to be.
    parts.inboxes.drop(context.id);
    throw thrown;
  });
  if (delta !== undefined) parts.inboxes.made(context.id, delta);
  return { outcome, stored };
}

/** A delta of this node is on disk. */
export function tellStored(parts: ContextParts, contextId: ContextId, delta: MadeDelta): void {
  parts.inboxes.arrived(contextId, [delta]);
  parts.idSets.add(contextId, [delta]);
  parts.watchers.tell("committed", { contextId, id: idOf<Hash>(delta.id), bytes: delta.bytes });
}

/**
 * The rows of a commit and the context as it is then; undefined where the run committed nothing, a failure where no peer could
 * take what it did. Every write is later than all deltas it was made upon, and its delta is not earlier than any of its writes:
 * that is what receivers hold others' deltas to.
 */
export function buildCommit(
  parts: ContextParts,
  input: CommitInput,
): Built | { readonly failure: RunFailure } | undefined {
  const { context, outcome, identity, secret, handles, move } = input;
  if (outcome.rootHash === undefined) return undefined;
  const more = handles === undefined ? outcome.rows : [...outcome.rows, handles];
  // Nothing shared changed: what is left are rows of this node alone.
  if (outcome.artifact.length === 0 && move === undefined) {
    return { context, rows: [...more, parts.registry.row(context)] };
  }
  const signer = (message: Uint8Array): Uint8Array => sign(secret, message);
  const artifact =
    outcome.artifact.length === 0 ? outcome.artifact : signUserActions(outcome.artifact, bytesOf(identity), signer);
  const hlc = parts.hlc.next(stampOf(artifact));
  parts.stamps.atLeast(nanosecondsOf(hlc));
  // More heads than a delta may name stay heads, for the next one.
  const parents = context.dagHeads.slice(0, MAX_PARENTS);
  const body: DeltaBody = {
    context: bytesOf(context.id),
    parents: parents.map(bytesOf).toSorted((a, b) => Buffer.compare(a, b)),
    artifact,
    hlc,
    expectedRoot: outcome.rootHash,
    author: bytesOf(identity),
    position: (input.position ?? parts.membership.position(context.id)).map(bytesOf),
    // A handler's own events call no further handlers (see `receive/due.ts`).
    events: handles === undefined ? outcome.events : outcome.events.map(({ kind, data }) => ({ kind, data })),
    ...(move === undefined ? {} : { move }),
  };
  const { id, bytes } = sealDelta(body, signer);
  if (bytes.length > MAX_DELTA_BYTES) return { failure: tooLarge(bytes.length) };
  const known = { id, time: hlc.time };
  const next: Context = {
    ...(move === undefined ? context : movedBy(context, move, known)),
    rootHash: idOf<Hash>(outcome.rootHash),
    dagHeads: [idOf<Hash>(id), ...context.dagHeads.slice(MAX_PARENTS)],
    deltas: (context.deltas ?? 0) + 1,
  };
  const rows = artifact === outcome.artifact ? more : signedRows(body.context, more, artifact);
  return {
    context: next,
    delta: { ...known, parents, bytes },
    rows: [
      ...rows,
      { column: "delta", key: keyOf(body.context, id), value: bytes },
      knownRow(body.context, known),
      parts.registry.row(next),
    ],
  };
}

/** What `buildCommit` gave, for whoever cannot go on without it; throws where no peer could take it. */
export function madeOf(built: ReturnType<typeof buildCommit>): Built | undefined {
  if (built === undefined || !("failure" in built)) return built;
  throw new ShoalError("payload_too_large", built.failure.message);
}

/** The latest of its writes; what cannot be read says nothing of its writes. */
function stampOf(artifact: Uint8Array): bigint {
  try {
    return latestStamp(artifact);
  } catch {
    return 0n;
  }
}

function tooLarge(bytes: number): RunFailure {
  const sizes = `(size: ${bytes}, max: ${MAX_DELTA_BYTES})`;
  return { kind: "HostError", detail: "ArtifactSizeOverflow", message: `commit artifact size overflow ${sizes}` };
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
