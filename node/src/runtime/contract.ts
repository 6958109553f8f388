/**
 * One run of a method, as values: what goes to a worker and what comes back. A run is a pure function of its request, the
 * module and the state it reads (invariant I18): time and chance are part of the request.
 */
import type { Row } from "../storage/store.ts";
import type { VmLimits } from "./limits.ts";

export interface RunRequest {
  /** 32 bytes. */
  readonly context: Uint8Array;
  /** Which prepared module: the blob that `prepare` made (see `module/`). */
  readonly module: string;
  readonly method: string;
  /** UTF-8 JSON of named arguments for calls; borsh for `__calimero_sync_next` and its like. */
  readonly input: Uint8Array;
  /** 32-byte public key in whose name the run acts; what `executor_id` and `account_id` answer. */
  readonly executor: Uint8Array;
  /** 32 bytes: what `device_id` answers. */
  readonly device: Uint8Array;
  /** 32-byte context that caused the run by an xcall. */
  readonly xcallOrigin?: Uint8Array;
  /**
   * `write` reads the latest state; whoever asks holds the context's write turn. `read` runs on a snapshot, beside anything:
   * what it would have changed is reported in `mutates` and dropped. `migrate` is a `write` whose rows count without a commit:
   * a migration returns the new root's bytes, and commits nothing of the collections that it makes for them.
   */
  readonly mode: "read" | "write" | "migrate";
  /** Nanoseconds since the epoch at the start; every `time_now` of the run is later than the one before by at least 1. */
  readonly nowNs: bigint;
  /** 32 bytes from which `random_bytes` of this run are derived. */
  readonly seed: Uint8Array;
  readonly limits: VmLimits;
  /** Rows of runs before it that are on their way to the store: what a `write` reads before the store itself. */
  readonly ahead?: readonly Row[];
}

export interface RunEvent {
  readonly kind: string;
  readonly data: Uint8Array;
  readonly handler?: string;
}

export interface RunXCall {
  readonly context: Uint8Array;
  readonly method: string;
  readonly params: Uint8Array;
}

/** Why a call failed. `kind` and `detail` are upstream's names (FunctionCallError), which clients print. */
export interface RunFailure {
  readonly kind:
    | "CompilationError"
    | "LinkError"
    | "MethodResolutionError"
    | "WasmTrap"
    | "HostError"
    | "ExecutionError"
    | "ModuleSizeLimitExceeded"
    | "ModuleValidationError"
    | "GasExhausted"
    | "DeadlineExceeded";
  /** Variant within the kind, e.g. `MethodNotFound`, `StackOverflow`, `InvalidMemoryAccess`. */
  readonly detail?: string;
  readonly message: string;
  /** `ExecutionError`: the bytes the guest returned as its error. */
  readonly data?: Uint8Array;
}

/** Microseconds of each part of a run, for the table of the `execute` bench. */
export interface RunTimings {
  readonly instanceUs: number;
  readonly guestUs: number;
  /** Within `guestUs`: time inside of host functions. */
  readonly hostUs: number;
  readonly merkleUs: number;
}

export interface Outcome {
  readonly returns: { readonly ok: Uint8Array | undefined } | { readonly failure: RunFailure };
  readonly logs: readonly string[];
  readonly events: readonly RunEvent[];
  readonly xcalls: readonly RunXCall[];
  /** Set where the guest committed. */
  readonly rootHash?: Uint8Array;
  /** borsh StorageDelta; empty where nothing changed. */
  readonly artifact: Uint8Array;
  /** What to apply, with full keys (context first), in key order; empty after a failure, in `read` mode, and without a commit (but see `migrate`). */
  readonly rows: readonly Row[];
  /** The run committed or wrote: in `read` mode, whoever asked has to run it again in `write` mode. */
  readonly mutates: boolean;
  readonly gasUsed: bigint;
  readonly hostCalls: number;
  readonly migrationWitness?: Uint8Array;
  readonly timings?: RunTimings;
}

/** Deltas of others to merge, in causal order, in one go: on a worker thread, in the context's write turn. */
export interface MergeRequest {
  /** 32 bytes. */
  readonly context: Uint8Array;
  /** As a run's. A module that exports `__calimero_sync_next` and keeps its own tree merges by itself; all others by the host's collections. */
  readonly module: string;
  /** 32 bytes: this node's identity in the context. */
  readonly executor: Uint8Array;
  readonly device: Uint8Array;
  readonly nowNs: bigint;
  readonly seed: Uint8Array;
  readonly limits: VmLimits;
  readonly ahead?: readonly Row[];
  /** 32 bytes: the root before the first delta; a delta that changes nothing leaves it. */
  readonly root: Uint8Array;
  readonly deltas: readonly MergeDelta[];
}

export interface MergeDelta {
  /** borsh StorageDelta. */
  readonly artifact: Uint8Array;
  /**
   * Actions must be later than this, nanoseconds: the latest time among the delta's parents. Asked of the host's collections
   * only, whose every write bears its own stamp; guests also tell of entities that they left as they were.
   */
  readonly afterNs?: bigint;
  /** Actions must not be later than this: the delta's own time. */
  readonly untilNs?: bigint;
  /** Places in this request of deltas that it builds upon: where one of them is refused, so is it. */
  readonly upon: readonly number[];
}

export interface MergeOutcome {
  /**
   * Per delta: the root after it (32 bytes), or why it is refused; a refused one changes nothing, and those after it go on.
   * As many as there was time for, from the first on, and at least one: the rest is to be asked for again.
   */
  readonly results: readonly (
    | { readonly root: Uint8Array }
    /** `forged`: no honest node makes such a delta; else the app did not take it. */
    | { readonly refused: string; readonly forged: boolean }
  )[];
  /** What to apply, with full keys, in key order. */
  readonly rows: readonly Row[];
}

export interface Merger {
  /**
   * Rejects as `Executor.run` does, and `deadline_exceeded` where the time was over before one delta was merged; what a delta
   * does wrong is in its result.
   */
  merge(request: MergeRequest): Promise<MergeOutcome>;
}

/** Runs methods, and merges what they did elsewhere, on worker threads. One per node. */
export interface Executor extends Merger {
  /**
   * Resolves with an outcome whatever the guest does; a guest that outlives the wall-clock limit has its worker killed and
   * the outcome says `DeadlineExceeded`. Rejects `unavailable` when more than the limit of runs wait, or after `close`; and
   * with the node's own trouble, of which the guest is innocent: `not_found` for a module that is not here, what the store says.
   */
  run(request: RunRequest): Promise<Outcome>;
  close(): Promise<void>;
}
