/** Ops made here: signed upon the heads of the log, one after another, and judged before anything is stored. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { GroupId, Hash, PublicKey } from "../model/ids.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Row } from "../storage/store.ts";
import type { Book } from "./book.ts";
import { governanceCrypto, hashOf, signOp } from "./crypto.ts";
import { refusalError } from "./refusals.ts";
import { checkForm } from "./rules/form.ts";
import { OP_VERSION, type Action, type LoggedOp } from "./rules/op.ts";
import { encodeOp, parseOp } from "./rules/parse.ts";
import { LIMITS, type Namespace } from "./rules/state.ts";

/** An op before it has a place in the log. */
export interface Draft {
  readonly groupId: GroupId;
  readonly signer: KeyPair;
  readonly action: Action;
}

export interface Step {
  readonly book: Book;
  readonly ops: readonly LoggedOp[];
  readonly before: Namespace | undefined;
  readonly after: Namespace;
}

/** What goes along with ops into their batch. */
export interface Companion {
  /** Ops that should follow ops of this node, with rows of their own; where the rules refuse one of them none is made. */
  follow(step: Step): { readonly drafts: readonly Draft[]; readonly rows: readonly Row[] };
  /** Rows that arriving ops bring along. */
  keep(namespaceId: GroupId, ops: readonly LoggedOp[]): readonly Row[];
}

export interface Made {
  readonly book: Book;
  readonly ops: readonly LoggedOp[];
  /** Encoded, one for each op. */
  readonly bytes: readonly Uint8Array[];
  /** The companion's. */
  readonly rows: readonly Row[];
  readonly after: Namespace | undefined;
}

interface Making {
  readonly book: Book;
  readonly nowMs: number;
  readonly companion: Companion | undefined;
  readonly log: Log;
}

/** What the drafts come to, with what follows from them. Throws the first refusal of a draft. */
export function makeOps({ book, nowMs, companion, log }: Making, drafts: readonly Draft[]): Made {
  const before = book.history.state;
  const ops = signed(book, nowMs, drafts, []);
  const bytes = ops.map(encodedWell);
  const { verdicts, state: after } = book.history.judge(ops);
  for (const verdict of verdicts) if ("refused" in verdict) throw refusalError(verdict.refused, verdict.because);
  const alone = { book, ops, bytes, rows: [], after };
  if (companion === undefined || after === undefined || ops.length === 0) return alone;
  const { drafts: following, rows } = companion.follow({ book, ops, before, after });
  if (following.length === 0) return alone;
  const all = [...ops, ...signed(book, nowMs, following, ops)];
  const judged = book.history.judge(all);
  const against = judged.verdicts.find((verdict) => "refused" in verdict);
  if (against !== undefined) {
    log.warn({ namespace: book.namespaceId, against }, "what should follow an op is refused");
    return alone;
  }
  return { book, ops: all, bytes: all.map(encodedWell), rows, after: judged.state };
}

/** Throws for an op that no other node would take into its log, whatever the state. */
function encodedWell({ op }: LoggedOp): Uint8Array {
  const bytes = encodeOp(op);
  parseOp(bytes);
  const against = checkForm(op, governanceCrypto);
  if (against !== undefined) throw refusalError(against.reason, against.because);
  return bytes;
}

/** Signs drafts upon the log and the ops made before them. */
function signed(
  { namespaceId, history, latestMs }: Book,
  nowMs: number,
  drafts: readonly Draft[],
  upon: readonly LoggedOp[],
): readonly LoggedOp[] {
  const nonces = new Map<PublicKey, number>(upon.map(({ op }) => [op.signer, op.nonce]));
  // Who has gone on with more heads than an op may name merges the first of them; those left are for the next.
  let parents: readonly Hash[] = history.heads.slice(0, LIMITS.parents);
  const last = upon.at(-1);
  if (last !== undefined) parents = [last.hash];
  return drafts.map(({ groupId, signer, action }) => {
    const known = nonces.get(signer.publicKey) ?? history.state?.nonces.get(signer.publicKey) ?? 0;
    const nonce = known + 1;
    nonces.set(signer.publicKey, nonce);
    const atMs = Math.max(nowMs, latestMs);
    const op = signOp(signer, { version: OP_VERSION, namespaceId, groupId, parents, nonce, atMs, action });
    const logged = { hash: hashOf(op), op };
    parents = [logged.hash];
    return logged;
  });
}
