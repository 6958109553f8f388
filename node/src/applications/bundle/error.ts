/** Why a bundle is refused: a name to branch on, and words. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export type BundleErrorKind =
  | "UnknownFormat"
  | "ArchiveDamaged"
  | "ArchiveTooLarge"
  | "TooManyEntries"
  | "UnsafePath"
  | "LinkInArchive"
  | "DuplicateEntry"
  | "ManifestMissing"
  | "ManifestInvalid"
  | "FileMissing"
  | "FileTooLarge"
  | "SizeMismatch"
  | "HashMissing"
  | "HashMismatch"
  | "AbiInvalid"
  | "SignatureMissing"
  | "SignatureInvalid"
  | "SignerMismatch"
  | "SignerChanged";

const CODES = {
  ArchiveTooLarge: "payload_too_large",
  FileTooLarge: "payload_too_large",
  TooManyEntries: "payload_too_large",
  SignerChanged: "conflict",
} as const;

export class BundleError extends ShoalError {
  readonly kind: BundleErrorKind;

  constructor(
    kind: BundleErrorKind,
    message: string,
    options: { readonly field?: string; readonly cause?: unknown } = {},
  ) {
    super(kind in CODES ? CODES[kind as keyof typeof CODES] : "invalid_argument", `${kind}: ${message}`, {
      field: options.field ?? "bundle",
      cause: options.cause,
    });
    this.kind = kind;
  }
}
