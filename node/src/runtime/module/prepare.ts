/**
 * From the bytes that somebody installs to a module that can be run: checked, described and instrumented. Pure: the same
 * bytes and options give the same answer. The order of the checks is that of what a person would want to hear first: too
 * large, malformed or of an unsupported proposal, invalid, not fit to run here.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { checkModule } from "./checks.ts";
import { malformed, ModuleError } from "./error.ts";
import { instrument } from "./instrument.ts";
import { interfaceOf, type ModuleInterface } from "./interface.ts";
import { scanBodies } from "./scan.ts";
import { readSections } from "./sections.ts";

export { INSTRUMENTER_VERSION } from "./instrument.ts";

export interface PrepareOptions {
  readonly maxModuleBytes: number;
  /** 64 KiB pages: the most that the memory may ever have. */
  readonly maxMemoryPages: number;
}

export interface PreparedModule extends ModuleInterface {
  /** The instrumented module. */
  readonly bytes: Uint8Array;
}

/** @throws ModuleError with the reason, and where in the module it lies */
export function prepareModule(bytes: Uint8Array, { maxModuleBytes, maxMemoryPages }: PrepareOptions): PreparedModule {
  if (bytes.length > maxModuleBytes)
    throw new ModuleError(
      "ModuleSizeLimitExceeded",
      `the module has ${bytes.length} bytes, at most ${maxModuleBytes} are allowed`,
    );
  const sections = readSections(bytes);
  const scan = scanBodies(bytes, sections);
  const flaw = flawOf(bytes);
  if (flaw !== undefined) throw flaw;
  checkModule(sections, maxMemoryPages);
  const described = interfaceOf(sections);
  const instrumented = instrument(bytes, sections, scan, maxMemoryPages);
  const excess = flawOf(instrumented);
  if (excess !== undefined)
    throw malformed(`the module is beyond what the engine takes once it is metered: ${excess.message}`);
  return { bytes: instrumented, ...described };
}

/** The engine's verdict, which is about types: structure was checked on the way here. */
function flawOf(bytes: Uint8Array): ModuleError | undefined {
  if (WebAssembly.validate(bytes)) return undefined;
  try {
    void new WebAssembly.Module(bytes);
    return malformed("the engine refuses the module");
  } catch (cause) {
    // `WebAssembly.Module(): Compiling function #1 failed: … @+52`
    const [, text = messageOf(cause), at] =
      /^WebAssembly\.Module\(\): (.*?)(?: @\+(\d+))?$/su.exec(messageOf(cause)) ?? [];
    return new ModuleError("CompilationError", text, { cause, ...(at === undefined ? {} : { offset: Number(at) }) });
  }
}
