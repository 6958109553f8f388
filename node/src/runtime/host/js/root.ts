/** The root document of a QuickJS app, deltas of others, and the flush: hashing and committing what the run changed. */
import { performance } from "node:perf_hooks";
import type { Collections } from "../../../crdt/contract.ts";
import { CollectionError } from "../../../crdt/error.ts";
import type { RunState } from "../../run/run-state.ts";
import { HostTrap, invalidAccess } from "../../run/trap.ts";
import type { HostFunctions } from "../host-functions.ts";
import { flag, value } from "./answers.ts";
import { content } from "./arguments.ts";

export const jsRootFunctions: HostFunctions = {
  /** When it was updated is the host's to say: a guest's clock must not win against later writes of others. */
  persist_root_state(run: RunState, document: bigint, createdAt: bigint, _updatedAt: bigint): void {
    const bytes = content(run, document);
    orTrap(run, (all) => all.persistRootState(bytes, BigInt.asUintN(64, createdAt)));
  },

  read_root_state: (run: RunState, register: bigint) => value(run, register, (all) => all.readRootState()),

  apply_storage_delta(run: RunState, delta: bigint): void {
    const span = run.memory.span(delta);
    const max = run.limits.maxArtifactBytes;
    if (span.length > max) {
      const sizes = `(size: ${span.length}, max: ${max})`;
      throw new HostTrap("ArtifactSizeOverflow", `commit artifact size overflow ${sizes}`);
    }
    const artifact = run.memory.copy(span);
    orTrap(run, (all) => all.applyDelta(artifact));
  },

  /** 1 where something had changed: that is this run's commit, and there is one per run. */
  flush_delta: (run: RunState) =>
    flag(run, (all) => {
      const started = performance.now();
      const flushed = all.flush();
      run.merkleMs += performance.now() - started;
      if (flushed === undefined) return false;
      if (run.committed !== undefined) throw invalidAccess();
      const max = run.limits.maxArtifactBytes;
      if (flushed.artifact.length > max) {
        const sizes = `(size: ${flushed.artifact.length}, max: ${max})`;
        throw new HostTrap("ArtifactSizeOverflow", `commit artifact size overflow ${sizes}`);
      }
      run.committed = flushed;
      return true;
    }),

  /** Nothing to register: root documents of QuickJS apps always merge in the same way, on the host. */
  register_js_sdk_root_merge: (): void => undefined,
};

/** For the calls without a result, which have no other way to say that they were refused. */
function orTrap(run: RunState, ask: (all: Collections) => void): void {
  try {
    ask(run.collections);
  } catch (error) {
    if (!(error instanceof CollectionError)) throw error;
    throw new HostTrap("DeserializationError", `deserialization error: ${error.message}`);
  }
}
