/** Prepared modules, compiled once per thread, and the instance of one run. */
import type { Host } from "../host/imports.ts";
import { importMemory, LENT_MEMORY, type LentMemory } from "./lent-memory.ts";

/** Runs before the method, where a module has it: how the app registers what merges its root. */
export const REGISTRATION_HOOK = "__calimero_register_merge";

/** What merges a delta of somebody else. */
export const SYNC_EXPORT = "__calimero_sync_next";
/** A root merge of the app's own: then even an app on the host's collections is asked for each delta. */
const MERGE_ROOT = "__calimero_merge_root_state";
/** Beside all that begin with `js_`. */
const HOST_COLLECTIONS: ReadonlySet<string> = new Set([
  "persist_root_state",
  "read_root_state",
  "apply_storage_delta",
  "flush_delta",
]);

export class Compiled {
  readonly #module: WebAssembly.Module;
  readonly #imports: { readonly env: Record<string, WebAssembly.ImportValue> };
  readonly #memory: LentMemory | undefined;
  readonly hasHook: boolean;
  /** Deltas of others are for the module itself to merge; else the host's collections do. */
  readonly mergesItself: boolean;

  /** Throws a CompileError for what is no module: a prepared one always is. */
  constructor(prepared: Uint8Array, host: Host) {
    const { bytes, memory } = importMemory(prepared);
    this.#module = new WebAssembly.Module(bytes);
    this.#imports = { env: host.importsFor(this.#module) };
    this.#memory = memory;
    const exports = new Set(WebAssembly.Module.exports(this.#module).map(({ name }) => name));
    const onHost = WebAssembly.Module.imports(this.#module).some(
      ({ name }) => name.startsWith("js_") || HOST_COLLECTIONS.has(name),
    );
    this.hasHook = exports.has(REGISTRATION_HOOK);
    this.mergesItself = exports.has(SYNC_EXPORT) && (!onHost || exports.has(MERGE_ROOT));
  }

  /** The run of the instance before must be over: both have the same memory. */
  instantiate(): WebAssembly.Instance {
    if (this.#memory !== undefined) this.#imports.env[LENT_MEMORY] = this.#memory.take();
    return new WebAssembly.Instance(this.#module, this.#imports);
  }
}
