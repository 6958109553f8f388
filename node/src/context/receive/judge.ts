/**
 * What a delta is worth by itself and by the governance log, before any order is asked for. Rules in their order, the first that
 * applies counts. Nothing here depends on when a delta came or on what else is here, except for waiting: nodes that have the same
 * governance ops come to the same verdict.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { decodeDelta, signedBytes, type Delta } from "../../dag/delta.ts";
import { isAhead, MAX_AHEAD_NS, MAX_DRIFT_NS, nanosecondsOf, ntp64 } from "../../dag/hlc.ts";
import { bytesOf, idOf, type ApplicationId, type ContextId, type Hash, type PublicKey } from "../../model/ids.ts";
import { verify } from "../../model/keys.ts";
import type { RightsAtCut } from "../membership.ts";

export interface JudgeParts {
  readonly rights: RightsAtCut;
  readonly nowNs: bigint;
}

export type Verdict =
  | { readonly type: "fit" }
  /** `until`: governance ops of its position are here, or the clock says so many ms. */
  | { readonly type: "wait"; readonly until: "governance" | number }
  /** `forEver`: what is wrong is part of what the id covers, so nothing of that id can ever be right. */
  | { readonly type: "refuse"; readonly because: string; readonly forEver: boolean };

const NS_PER_MS = 1_000_000n;

/** undefined where the bytes are no delta. */
export function readDelta(
  bytes: Uint8Array,
): { readonly delta: Delta; readonly id: Hash } | { readonly because: string } {
  try {
    const delta = decodeDelta(bytes);
    return { delta, id: idOf<Hash>(delta.id) };
  } catch (thrown) {
    if (thrown instanceof ShoalError) return { because: thrown.message };
    throw thrown;
  }
}

export function judge({ rights, nowNs }: JudgeParts, contextId: ContextId, delta: Delta): Verdict {
  if (Buffer.compare(delta.context, bytesOf(contextId)) !== 0) return refuse("it is a delta of another context", true);
  if (!verify(delta.signature, signedBytes(delta.id), delta.author)) {
    return refuse("the signature is not its author's", false);
  }
  if (delta.hlc.time > ntp64(nowNs + MAX_AHEAD_NS)) return refuse("its time is more than a day ahead", false);
  const position = delta.position.map((head) => idOf<Hash>(head));
  const right = rights.rightAt(contextId, idOf<PublicKey>(delta.author), position);
  if (right === "unknown") return { type: "wait", until: "governance" };
  if (right !== "write") return refuse("its author might not write at its position", true);
  if (delta.move !== undefined) {
    const { applicationId, version } = delta.move;
    const target = { id: idOf<ApplicationId>(applicationId), version };
    if (!rights.mayMoveAt(contextId, idOf<PublicKey>(delta.author), position, target)) {
      return refuse("its author might not move the context there", true);
    }
  }
  if (isAhead(delta.hlc, nowNs)) {
    return { type: "wait", until: Number((nanosecondsOf(delta.hlc) - MAX_DRIFT_NS) / NS_PER_MS) + 1 };
  }
  return { type: "fit" };
}

const refuse = (because: string, forEver: boolean): Verdict => ({ type: "refuse", because, forEver });
