/** Runs requests one after another on this thread: module cache, host functions, state. Synchronous throughout. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { readBlob } from "../../blobs/worker-blobs.ts";
import { type BlobId, bytesOf } from "../../model/ids.ts";
import type { Column, Reader, Row, Snapshot } from "../../storage/store.ts";
import type { Outcome, RunFailure, RunRequest } from "../contract.ts";
import { Host } from "../host/imports.ts";
import type { BlobPorts } from "./blob-handles.ts";
import { failureOf } from "./failure.ts";
import { Compiled } from "./instance.ts";
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
      if (request.mode !== "read") return runOn(request, aheadOf(reader, request.ahead ?? []));
      using snapshot = reader.snapshot();
      return runOn(request, snapshot);
    },
  };
}

/** The store as it will be: rows on their way to it are read first. */
function aheadOf(reader: Reader, rows: readonly Row[]): Reader {
  if (rows.length === 0) return reader;
  const named = (column: Column, key: Uint8Array): string => column + Buffer.from(key).toString("latin1");
  const coming = new Map(rows.map((row) => [named(row.column, row.key), row.value]));
  return {
    get: (column, key) => {
      const name = named(column, key);
      return coming.has(name) ? coming.get(name) : reader.get(column, key);
    },
    scan: (column, range) => reader.scan(column, range),
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
