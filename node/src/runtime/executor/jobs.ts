/** What a worker thread can be asked for, each with how it is told, how it is answered, and what it is worth when the thread dies of it. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { MergeOutcome, MergeRequest, Outcome, RunFailure, RunRequest } from "../contract.ts";
import type { VmLimits } from "../limits.ts";
import { MERGE_BUDGET_MS } from "../run/merge.ts";
import { packRequest, unpackAnswer } from "./messages.ts";
import { packMerge, unpackMergeAnswer } from "./merge-messages.ts";

export interface Job {
  /** 32 bytes: jobs of one context go to one thread where that is free. */
  readonly context: Uint8Array;
  readonly limits: VmLimits;
  /** How long the thread may be at it before it is killed. */
  readonly wallMs: number;
  message(): ArrayBuffer;
  answered(message: ArrayBuffer): void;
  /** The thread ended while it was at it; `reason` undefined: it was too long. */
  lost(reason: string | undefined): void;
  /** It never began. */
  reject(error: ShoalError): void;
}

/** Wall clock of the one delta that a merge is at when its budget is over (reference: 15 s). */
const MERGE_WALL_MS = 15_000;

export function runJob(
  request: RunRequest,
  resolve: (outcome: Outcome) => void,
  reject: (error: unknown) => void,
): Job {
  const { context, limits } = request;
  return {
    context,
    limits,
    wallMs: limits.maxWallMs,
    message: () => packRequest(request),
    answered(message) {
      const answer = unpackAnswer(message);
      if ("outcome" in answer) resolve(answer.outcome);
      else reject(answer.error);
    },
    lost: (reason) => resolve(nothingKnown(reason === undefined ? tooLong(limits) : died(reason))),
    reject,
  };
}

export function mergeJob(
  request: MergeRequest,
  resolve: (outcome: MergeOutcome) => void,
  reject: (error: unknown) => void,
): Job {
  const { context, limits } = request;
  return {
    context,
    limits,
    wallMs: MERGE_BUDGET_MS + MERGE_WALL_MS,
    message: () => packMerge(request),
    answered(message) {
      const answer = unpackMergeAnswer(message);
      if ("outcome" in answer) resolve(answer.outcome);
      else reject(answer.error);
    },
    lost: (reason) => reject(notMerged(reason)),
    reject,
  };
}

function notMerged(reason: string | undefined): ShoalError {
  if (reason === undefined) return new ShoalError("deadline_exceeded", `a delta took more than ${MERGE_WALL_MS} ms`);
  return new ShoalError("deadline_exceeded", `the thread that merged ended: ${reason}`);
}

function tooLong(limits: VmLimits): RunFailure {
  return { kind: "DeadlineExceeded", message: `the method ran for more than ${limits.maxWallMs} ms` };
}

function died(reason: string): RunFailure {
  return { kind: "HostError", detail: "WorkerLost", message: `the thread that ran the method ended: ${reason}` };
}

/** Nothing of such a run is known: not its logs, not its gas. */
function nothingKnown(failure: RunFailure): Outcome {
  return {
    returns: { failure },
    logs: [],
    events: [],
    xcalls: [],
    artifact: new Uint8Array(0),
    rows: [],
    mutates: false,
    gasUsed: 0n,
    hostCalls: 0,
  };
}
