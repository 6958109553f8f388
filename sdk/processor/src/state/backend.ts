/**
 * What a backend has to be able to do: keep two small documents of one processor, and replace one only if it is still the
 * one that was read. What may replace what (epochs, sequences) is decided once, above, in `keeper.ts`.
 */

/** `state` is the state body, `restarts` the restart counters beside it. */
export type DocumentName = "state" | "restarts";

export interface StoredDocument {
  readonly text: string;
  /** The backend's own mark of this version: an ETag, a resourceVersion, a file's identity. */
  readonly revision: string;
}

export interface StateBackend {
  /** Bytes of text that one document may have here. */
  readonly maxBytes: number;
  /** `undefined` where there is none. Throws `unavailable` or `permission_denied`. */
  read(name: DocumentName): Promise<StoredDocument | undefined>;
  /**
   * Writes if the document still has this revision (`undefined`: if there is none), atomically: a reader finds the old or the
   * new text, never a part. Returns the new revision, or `changed`, after which nothing was written.
   */
  write(name: DocumentName, text: string, expected: string | undefined): Promise<{ revision: string } | "changed">;
  /** Removing what is not there is a success. */
  remove(name: DocumentName): Promise<void>;
}
