/** What a call on a collection fails with; its message is what the guest reads. */
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";

export class CollectionError extends ShoalError {
  constructor(message: string, code: ErrorCode = "invalid_argument", cause?: unknown) {
    super(code, message, cause === undefined ? {} : { cause });
  }
}
