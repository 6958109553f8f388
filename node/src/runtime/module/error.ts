/** Why a module is refused: upstream's kind, the reason in words, and where in the file. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export type ModuleErrorKind = "ModuleSizeLimitExceeded" | "CompilationError" | "ModuleValidationError" | "LinkError";

export interface ModuleErrorDetail {
  /** Bytes from the start of the module. */
  readonly offset?: number;
  readonly cause?: unknown;
}

export class ModuleError extends ShoalError {
  readonly kind: ModuleErrorKind;
  readonly offset: number | undefined;

  constructor(kind: ModuleErrorKind, reason: string, { offset, cause }: ModuleErrorDetail = {}) {
    const where = offset === undefined ? "" : ` (at byte ${offset})`;
    super(kind === "ModuleSizeLimitExceeded" ? "payload_too_large" : "invalid_argument", `${reason}${where}`, {
      field: "module",
      cause,
    });
    this.kind = kind;
    this.offset = offset;
  }
}

/** The bytes are no module: malformed, or not valid. */
export function malformed(reason: string, offset?: number): ModuleError {
  return new ModuleError("CompilationError", reason, offset === undefined ? {} : { offset });
}

/** A module, but none that runs here. */
export function refused(reason: string, offset?: number): ModuleError {
  return new ModuleError("ModuleValidationError", reason, offset === undefined ? {} : { offset });
}

/** Something of a proposal that cannot be metered, or that does not give the same result on every machine. */
export function unsupported(feature: string, offset?: number): ModuleError {
  return refused(`the module uses ${feature}, which is not supported`, offset);
}
