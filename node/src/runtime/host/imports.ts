/**
 * The import object. One skeleton per thread: making an instance only looks names up in it, and the functions act on
 * whatever run is current. A call is counted and timed here, and its error kept, whatever the guest makes of it.
 */
import { performance } from "node:perf_hooks";
import { G1_CONTEXT_CALLS, IMPORTS } from "../abi.ts";
import type { RunState } from "../run/run-state.ts";
import { blobFunctions } from "./blobs.ts";
import { chanceFunctions } from "./chance.ts";
import { eventFunctions } from "./events.ts";
import { unsupported } from "./foreign.ts";
import type { HostFunctions } from "./host-functions.ts";
import { indexFunctions } from "./ordered-index.ts";
import { jsCellFunctions } from "./js/cells.ts";
import { jsMapFunctions } from "./js/maps.ts";
import { jsRootFunctions } from "./js/root.ts";
import { jsSequenceFunctions } from "./js/sequences.ts";
import { jsSetFunctions } from "./js/sets.ts";
import { jsStoreFunctions } from "./js/stores.ts";
import { inputOutputFunctions } from "./input-output.ts";
import { privateStorageFunctions } from "./private-storage.ts";
import { registerFunctions } from "./registers.ts";
import { storageFunctions } from "./storage.ts";

/** Every function that this host has. */
export const HOST_FUNCTIONS: HostFunctions = {
  ...registerFunctions,
  ...inputOutputFunctions,
  ...storageFunctions,
  ...privateStorageFunctions,
  ...eventFunctions,
  ...blobFunctions,
  ...chanceFunctions,
  ...indexFunctions,
  ...jsMapFunctions,
  ...jsSetFunctions,
  ...jsSequenceFunctions,
  ...jsCellFunctions,
  ...jsStoreFunctions,
  ...jsRootFunctions,
};

/** More parameters than any: a name whose types nobody knows. */
const ANY = Infinity;

type Bound = (...args: never[]) => unknown;
type Values = Record<string, Bound>;

/** The functions of one thread, and the run that they act on. */
export class Host {
  #run: RunState | undefined;
  readonly #functions: Values;

  constructor() {
    const names = [...Object.keys(IMPORTS), ...G1_CONTEXT_CALLS];
    this.#functions = Object.fromEntries(names.map((name) => [name, this.#bind(name)]));
  }

  /** Until the next one, whatever a guest of this thread calls changes `run`. */
  enter(run: RunState): void {
    this.#run = run;
  }

  leave(): void {
    this.#run = undefined;
  }

  /** What a module may import from `env`: all functions, and stubs for the names that nobody knows. */
  importsFor(module: WebAssembly.Module): Record<string, WebAssembly.ImportValue> {
    const strange = WebAssembly.Module.imports(module).filter(
      ({ name, kind }) => kind === "function" && !Object.hasOwn(this.#functions, name),
    );
    return { ...this.#functions, ...Object.fromEntries(strange.map(({ name }) => [name, this.#bind(name)])) };
  }

  #bind(name: string): Bound {
    const known = Object.hasOwn(HOST_FUNCTIONS, name) ? HOST_FUNCTIONS[name] : undefined;
    const call = (known ?? unsupported(name)) as (run: RunState, ...args: unknown[]) => unknown;
    switch (IMPORTS[name]?.params.length ?? ANY) {
      // By arity, because an argument list that is an array would cost more than the call.
      case 0:
        return () => this.#call(call, undefined, undefined, undefined);
      case 1:
        return (a: unknown) => this.#call(call, a, undefined, undefined);
      case 2:
        return (a: unknown, b: unknown) => this.#call(call, a, b, undefined);
      case 3:
        return (a: unknown, b: unknown, c: unknown) => this.#call(call, a, b, c);
      default:
        return (a: unknown, b: unknown, c: unknown, ...rest: unknown[]) =>
          this.#call((run, ...first) => call(run, ...first, ...rest), a, b, c);
    }
  }

  #call(
    call: (run: RunState, a: unknown, b: unknown, c: unknown) => unknown,
    a: unknown,
    b: unknown,
    c: unknown,
  ): unknown {
    const run = this.#run;
    if (run === undefined) throw new Error("a guest called the host outside of a run");
    const started = performance.now();
    try {
      run.budget.call();
      return call(run, a, b, c);
    } catch (error) {
      run.failed ??= { error };
      throw error;
    } finally {
      run.hostMs += performance.now() - started;
    }
  }
}
