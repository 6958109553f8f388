/** Prepared modules, compiled once per thread, and the instance of one run. */
import type { Host } from "../host/imports.ts";

/** Runs before the method, where a module has it: how the app registers what merges its root. */
export const REGISTRATION_HOOK = "__calimero_register_merge";

export interface Compiled {
  readonly module: WebAssembly.Module;
  readonly imports: WebAssembly.Imports;
  readonly hasHook: boolean;
}

/** Throws a CompileError for what is no module: a prepared one always is. */
export function compile(bytes: Uint8Array, host: Host): Compiled {
  const module = new WebAssembly.Module(bytes);
  const hasHook = WebAssembly.Module.exports(module).some(({ name }) => name === REGISTRATION_HOOK);
  return { module, imports: host.importsFor(module), hasHook };
}
