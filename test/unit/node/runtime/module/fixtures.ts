/** How the tests of this folder prepare and instantiate modules. */
import { prepareModule, type PreparedModule } from "@shoal/node/runtime/module/prepare.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { wat } from "../../../../support/wat.ts";

export function prepare(bytes: Uint8Array): PreparedModule {
  return prepareModule(bytes, DEFAULT_LIMITS);
}

export async function prepareText(text: string): Promise<PreparedModule> {
  return prepare(await wat(text));
}

/** An instance whose imports are `env`, and functions that do nothing for all others that it has. */
export function instantiate(
  module: WebAssembly.Module,
  env: Record<string, (...args: never[]) => unknown> = {},
): WebAssembly.Instance {
  const others = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => undefined]));
  return new WebAssembly.Instance(module, { env: { ...others, ...env } });
}
