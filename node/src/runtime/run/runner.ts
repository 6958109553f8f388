/** Runs requests one after another on this thread: module cache, host functions, state. Synchronous throughout. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { readBlob } from "../../blobs/worker-blobs.ts";
import { type BlobId, bytesOf } from "../../model/ids.ts";
import type { Reader, Snapshot } from "../../storage/store.ts";
import type { MergeOutcome, MergeRequest, Outcome, RunFailure, RunRequest } from "../contract.ts";
import { Host } from "../host/imports.ts";
import type { BlobPorts } from "./blob-handles.ts";
import { failureOf } from "./failure.ts";
import { guestMerge } from "./guest-merge.ts";
import { hostMerge } from "./host-merge.ts";
import { Compiled } from "./instance.ts";
import { Layered } from "./layered.ts";
import { mergeAll } from "./merge.ts";
import { refuseMethodName } from "./method-name.ts";
import { ModuleCache } from "./module-cache.ts";
import { outcomeOf } from "./outcome.ts";
import { runMethod } from "./run-method.ts";
import { RunState } from "./run-state.ts";

export interface RunnerParts {
  readonly reader: Reader & { snapshot(): Snapshot };
  readonly blobs: BlobPorts;
  readonly moduleCacheBytes: number;
}

export interface Runner {
  /** Throws where the node fails, never for what a guest does. */
  run(request: RunRequest): Outcome;
  /** The same; what a delta does wrong is in its result. */
  merge(request: MergeRequest): MergeOutcome;
}

export function createRunner({ reader, blobs, moduleCacheBytes }: RunnerParts): Runner {
  const host = new Host();
  const modules = new ModuleCache<Compiled>(moduleCacheBytes, (id) => {
    const bytes = readBlob(blobs.directory, reader, bytesOf(id as BlobId));
    if (bytes === undefined) throw new ShoalError("not_found", `the node does not hold the module ${id}`);
    return { value: new Compiled(bytes, host), bytes: bytes.length };
  });

  const runOn = (request: RunRequest, view: Reader): Outcome => {
    const run = new RunState(request, { reader: view, blobs });
    const refused = refuseMethodName(request.method, request.limits.maxMethodNameBytes);
    const compiled = refused ?? compiledOf(modules, request.module);
    if ("kind" in compiled) return outcomeOf(run, compiled, NOTHING_RUN);
    return runMethod(host, compiled, run);
  };

  return {
    run(request) {
      if (request.mode !== "read") return runOn(request, new Layered(reader, request.ahead ?? []));
      using snapshot = reader.snapshot();
      return runOn(request, snapshot);
    },
    merge(request) {
      const view = new Layered(reader, request.ahead ?? []);
      const compiled = compiledOf(modules, request.module);
      if ("kind" in compiled) throw new ShoalError("unavailable", `the module cannot be run: ${compiled.message}`);
      return mergeAll(request, compiled.mergesItself ? guestMerge(request, view, runOn) : hostMerge(request, view));
    },
  };
}

const NOTHING_RUN = { gasUsed: 0n, timings: { instanceUs: 0, guestUs: 0, hostUs: 0, merkleUs: 0 } };

function compiledOf(modules: ModuleCache<Compiled>, id: string): Compiled | RunFailure {
  try {
    return modules.get(id);
  } catch (error) {
    if (error instanceof ShoalError) throw error;
    return failureOf(error);
  }
}
