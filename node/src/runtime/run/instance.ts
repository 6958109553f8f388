/** Prepared modules, compiled once per thread, and the instance of one run. */
import type { Host } from "../host/imports.ts";
import { importMemory, LENT_MEMORY, type LentMemory } from "./lent-memory.ts";

/** Runs before the method, where a module has it: how the app registers what merges its root. */
export const REGISTRATION_HOOK = "__calimero_register_merge";

export class Compiled {
  readonly #module: WebAssembly.Module;
  readonly #imports: { readonly env: Record<string, WebAssembly.ImportValue> };
  readonly #memory: LentMemory | undefined;
  readonly hasHook: boolean;

  /** Throws a CompileError for what is no module: a prepared one always is. */
  constructor(prepared: Uint8Array, host: Host) {
    const { bytes, memory } = importMemory(prepared);
    this.#module = new WebAssembly.Module(bytes);
    this.#imports = { env: host.importsFor(this.#module) };
    this.#memory = memory;
    this.hasHook = WebAssembly.Module.exports(this.#module).some(({ name }) => name === REGISTRATION_HOOK);
  }

  /** The run of the instance before must be over: both have the same memory. */
  instantiate(): WebAssembly.Instance {
    if (this.#memory !== undefined) this.#imports.env[LENT_MEMORY] = this.#memory.take();
    return new WebAssembly.Instance(this.#module, this.#imports);
  }
}
