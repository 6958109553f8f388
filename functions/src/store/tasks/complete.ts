/**
 * Completes a batch: ONE statement that checks each row's fence, ends or re-arms the task and writes its effects, all or
 * nothing. Rows that somebody else holds by now are left alone, and their effects do not happen; a task whose guard fails
 * is void: due again, without effects. The text depends only on which kinds of effects occur, so each combination is
 * planned once per connection.
 *
 * A task is deleted, not marked: what is done costs nothing from then on. There is no lock before the write. A row that is
 * knocked at while the statement runs is not deleted (the condition is checked again on its newest version) and is
 * reported as missing; a second statement then sees the knock. Whoever calls sends what is missing once more: missing
 * again means that the lease is lost.
 */
import { snakeCase, type Effect, type EffectKind } from "./effects/effect.ts";
import type { Statements } from "./statements.ts";

/** What becomes of the row. A knock that came meanwhile makes it due at once in each case. */
export const ENDING = {
  /** It is deleted. */
  done: 0,
  /** Due after the delay, with the attempts forgotten. */
  again: 1,
  /** Due after the delay, one failed attempt more. */
  failedAttempt: 2,
  /** Due after the delay as if it had not been leased. */
  released: 3,
} as const;

export interface Completion {
  readonly id: string;
  readonly fence: number;
  readonly ending: (typeof ENDING)[keyof typeof ENDING];
  readonly delayMs: number;
  readonly error: string | null;
  readonly effects: readonly Effect[];
}

export interface CompletionResult {
  /** Ids of rows that were not found as leased by the caller; nothing happened for them. */
  readonly missing: readonly string[];
  /** Ids of tasks whose guard failed; they are due again and had no effect. */
  readonly voided: readonly string[];
}

export type Completer = (database: Statements, completions: readonly Completion[]) => Promise<CompletionResult>;

export function createCompleter(kinds: readonly EffectKind[]): Completer {
  const texts = new Map<number, string>();
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));

  return async (database, completions) => {
    const rows = new Map<EffectKind, { readonly taskId: string; readonly effect: Effect }[]>();
    for (const { id, effects } of completions) {
      for (const effect of effects) {
        const kind = byName.get(effect.kind);
        if (kind === undefined) throw new TypeError(`no effect is called ${effect.kind}`);
        const list = rows.get(kind);
        if (list === undefined) rows.set(kind, [{ taskId: id, effect }]);
        else list.push({ taskId: id, effect });
      }
    }
    const present = kinds.filter((kind) => rows.has(kind));
    const plain = completions.every((completion) => completion.ending === ENDING.done);
    const variant = variantOf(kinds, present, plain);
    let text = texts.get(variant);
    if (text === undefined) texts.set(variant, (text = completionText(present, plain)));
    const values = [
      completions.map((completion) => completion.id),
      completions.map((completion) => completion.fence),
      ...(plain
        ? []
        : [
            completions.map((completion) => completion.ending),
            completions.map((completion) => completion.delayMs),
            completions.map((completion) => completion.error),
          ]),
      ...present.flatMap((kind) => columnsOf(kind, rows.get(kind) ?? [])),
    ];
    const result = await database.workerStatement<{ missing: string[] | null; voided: string[] | null }>(
      `tasks-complete-${variant}`,
      text,
      values,
    );
    return { missing: result[0]?.missing ?? [], voided: result[0]?.voided ?? [] };
  };
}

/** A number for each combination of kinds, the name of its prepared statement. */
function variantOf(kinds: readonly EffectKind[], present: readonly EffectKind[], plain: boolean): number {
  return present.reduce((bits, kind) => bits + 2 ** (kinds.indexOf(kind) + 1), plain ? 1 : 0);
}

/** One array for the task ids and one for each field of the kind. */
function columnsOf(kind: EffectKind, rows: readonly { readonly taskId: string; readonly effect: Effect }[]): unknown[] {
  const fields = Object.entries<string>(kind.fields).map(([field, type]) =>
    rows.map(({ effect }) => {
      const value = (effect as unknown as Readonly<Record<string, unknown>>)[field] ?? null;
      return type === "jsonb" && value !== null ? JSON.stringify(value) : value;
    }),
  );
  return [rows.map(({ taskId }) => taskId), ...fields];
}

/** `(x in (…)) is true` instead of a join: it is evaluated with a hash table, whatever the planner believes about sizes. */
const among = (column: string, selected: string): string => `(${column} in (${selected})) is true`;

function completionText(kinds: readonly EffectKind[], plain: boolean): string {
  let parameter = plain ? 3 : 6;
  const inputs = kinds.map((kind) => {
    const fields = Object.entries<string>(kind.fields);
    const types = ["bigint", ...fields.map(([, type]) => type)].map((type) => `$${parameter++}::${type}[]`);
    const names = ["task_id", ...fields.map(([field]) => snakeCase(field))];
    return `${snakeCase(kind.kind)}_input as materialized (select * from unnest(${types.join(", ")}) as x(${names.join(", ")}))`;
  });
  const guarded = kinds.filter((kind) => kind.guard !== undefined);
  const guards = guarded.map((kind) => `${snakeCase(kind.kind)}_passing as materialized (${kind.guard ?? ""})`);
  const isVoid = guarded.map((kind) => {
    const name = snakeCase(kind.kind);
    return `(${among("held.id", `select task_id from ${name}_input`)} and not ${among("held.id", `select task_id from ${name}_passing`)})`;
  });
  const held = plain
    ? "unnest($1::bigint[], $2::int[]) as held(id, fence)"
    : "unnest($1::bigint[], $2::int[], $3::smallint[], $4::bigint[], $5::text[]) as held(id, fence, ending, delay_ms, error)";
  const ending = plain ? "0::smallint as ending, 0::bigint as delay_ms, null::text as error, " : "";
  const writes = kinds.flatMap((kind) => {
    const name = snakeCase(kind.kind);
    return [
      `${name}_rows as (select * from ${name}_input where ${among("task_id", "select id from fenced")})`,
      `${name}_write as (${kind.statement})`,
    ];
  });
  const own = "t.id = h.id and t.fence = h.fence and t.lease_until is not null";
  const parts = [
    ...inputs,
    ...guards,
    `held as materialized (select held.*, ${ending}${isVoid.length === 0 ? "false" : isVoid.join(" or ")} as void from ${held})`,
    `ended as (delete from tasks t using held h where ${own} and h.ending = 0 and not h.void and not t.woken returning t.id)`,
    `rearmed as (update tasks t set lease_until = null, woken = false, last_error = h.error,
      run_at = now() + interval '1 millisecond' * case when t.woken then 0
        when h.void then 10 * (power(2, least(t.attempts, 9)) - 1) else h.delay_ms end,
      attempts = case when h.void or h.ending = 2 then t.attempts + 1 when h.ending = 3 then t.attempts else 0 end
      from held h where ${own} and (h.ending <> 0 or h.void or t.woken) returning t.id, h.void)`,
    "fenced as materialized (select id from ended union all select id from rearmed where not void)",
    ...writes,
  ];
  return `with ${parts.join(",\n    ")}
    select array_agg(id) filter (where not void and not ${among("id", "select id from fenced")}
        or void and not ${among("id", "select id from rearmed")}) as missing,
      array_agg(id) filter (where void) as voided from held`;
}
