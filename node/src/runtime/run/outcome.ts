/** What a finished run amounts to. Nothing of a failed one, nothing without a commit (but see `migrate`), nothing of a read survives. */
import type { Row } from "../../storage/store.ts";
import type { Outcome, RunFailure, RunTimings } from "../contract.ts";
import { executionError } from "./failure.ts";
import type { RunState } from "./run-state.ts";

const NONE = new Uint8Array(0);

/** `failure`: the run ended by a trap; an app's own error is found here. */
export function outcomeOf(
  run: RunState,
  failure: RunFailure | undefined,
  measured: { readonly gasUsed: bigint; readonly timings: RunTimings },
): Outcome {
  const said = run.returned;
  const failed = failure ?? (said?.error === true ? executionError(said.bytes) : undefined);
  // The index follows from the state: a reader may mend it for itself, and that is no change.
  const mutates = run.committed !== undefined || run.state.changed || run.privateState.changed || run.blobs.changed;
  const { mode } = run.request;
  const kept = failed === undefined && mode !== "read" ? run.committed : undefined;
  const counts = kept !== undefined || (failed === undefined && mode === "migrate");
  return {
    returns: failed === undefined ? { ok: said?.bytes } : { failure: failed },
    logs: run.logs,
    events: failed === undefined ? run.events : [],
    xcalls: failed === undefined ? run.xcalls : [],
    ...(kept === undefined ? {} : { rootHash: kept.rootHash }),
    artifact: kept?.artifact ?? NONE,
    rows: counts ? rowsOf(run) : [],
    mutates,
    gasUsed: measured.gasUsed,
    hostCalls: run.budget.calls,
    ...(failed !== undefined || run.migrationWitness === undefined ? {} : { migrationWitness: run.migrationWitness }),
    timings: measured.timings,
  };
}

/** By column, then by key: the same run gives the same list. */
function rowsOf(run: RunState): Row[] {
  run.flush();
  return [...run.state.rows(), ...run.privateState.rows(), ...run.indexRows.rows(), ...run.blobs.rows()];
}
