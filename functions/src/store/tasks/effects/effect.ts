/**
 * What a task may change when it completes, as data. A kind names the effect's fields with their PostgreSQL types, and the
 * statement that writes them. It becomes a part of the one completing statement and reads `<kind>_rows` (dashes as
 * underscores, fields in snake_case), which holds only rows of tasks whose fence still holds: a worker that was presumed
 * dead and comes back leaves nothing behind.
 */

/** One change; the registry knows its kind. Further fields are as its kind declares. */
export interface Effect {
  readonly kind: string;
}

/** `jsonb` fields are handed over as values and sent as JSON. */
export type FieldType = "text" | "bigint" | "int" | "boolean" | "jsonb";

export interface EffectKind<E extends Effect = Effect> {
  readonly kind: E["kind"];
  readonly fields: Readonly<Record<Exclude<keyof E, "kind">, FieldType>>;
  /** Writes; reads `<kind>_rows`. */
  readonly statement: string;
  /**
   * Selects the `task_id`s whose assumption holds, with the rows that it read locked; reads `<kind>_input`. A task that it
   * leaves out is void as a whole: none of its effects happen, and it is due again.
   */
  readonly guard?: string;
  /** Identity of the row that is written, where only one effect may write it in a statement. */
  subject?(effect: E): string;
  /** The task (kind, key) that is knocked at, if that is what the effect does. */
  knocksAt?(effect: E): readonly [kind: string, key: string];
}

/** `processor-progress` -> `processor_progress`, `podName` -> `pod_name`. */
export const snakeCase = (name: string): string =>
  name.replaceAll("-", "_").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
