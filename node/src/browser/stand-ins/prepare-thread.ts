/** Modules are prepared on the page's own thread: a tab installs few. */
import { prepareModule, type PreparedModule } from "../../runtime/module/prepare.ts";
import type { PrepareRequest } from "../../applications/prepare-thread.ts";

export async function prepareInThread(
  { bytes, options }: PrepareRequest,
  signal: AbortSignal,
): Promise<PreparedModule> {
  signal.throwIfAborted();
  return prepareModule(bytes, options);
}
