/** What the statements of this folder need of the database; a test may stand between to lose an answer. */
import type { Database } from "../database.ts";

export type Statements = Pick<Database, "workerStatement">;

/** A leased row of due work, as its holder knows it. */
export interface Task {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly organisationId: string | undefined;
  /** Of the intent that the last knock announced. */
  readonly generation: number;
  /** Failed tries since the last success. */
  readonly attempts: number;
  /** Number of this lease; what is completed under an earlier one has no effect. */
  readonly fence: number;
  readonly traceId: string | undefined;
}
