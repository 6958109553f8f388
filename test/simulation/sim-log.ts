/** A node's log: what it warns of stands in the trace, and what it calls an error is a failure of the simulation. */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";

export interface SimLogInit {
  readonly note: (line: string) => void;
  readonly onError: (line: string) => void;
}

export function createSimLog({ note, onError }: SimLogInit): Log {
  const line = (fields: object, message: string): string => {
    const err = (fields as { readonly err?: unknown }).err;
    return err === undefined ? message : `${message}: ${messageOf(err)}`;
  };
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => note(line(fields, message)),
    error: (fields, message) => onError(line(fields, message)),
    child: () => log,
  };
  return log;
}
