/** What LevelDB and the file system say, in the node's words. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

/** `thrown` as a `ShoalError` that begins with `what`; one that is so already stays as it is. */
export function storeError(what: string, thrown: unknown): ShoalError {
  if (thrown instanceof ShoalError) return thrown;
  const { code, message } = rootOf(thrown);
  switch (code) {
    case "LEVEL_LOCKED":
      return new ShoalError("conflict", `${what}: it is open in another process`, { cause: thrown });
    case "LEVEL_CORRUPTION":
      return new ShoalError("internal", `${what}: the store is damaged: ${message}`, { cause: thrown });
    case "LEVEL_DATABASE_NOT_OPEN":
    case "LEVEL_ITERATOR_NOT_OPEN":
    case "LEVEL_SNAPSHOT_NOT_OPEN":
      return new ShoalError("unavailable", `${what}: it is closed`, { cause: thrown });
    default:
      return new ShoalError("unavailable", `${what}: ${message}`, { cause: thrown });
  }
}

/** LevelDB wraps what failed in "Database failed to open"; the reason is its cause. */
function rootOf(thrown: unknown): { readonly code: unknown; readonly message: string } {
  let at = thrown;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  const code = at instanceof Error && "code" in at ? at.code : undefined;
  return { code, message: messageOf(at) };
}
