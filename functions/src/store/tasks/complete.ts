/**
 * Completes a batch: ONE statement that checks each row's fence, ends or re-arms the task and writes its effects, all or
 * nothing. Effects of a row that somebody else holds by now, and tasks whose guard fails, leave no trace. The text depends
 * only on which kinds of effects occur, so each combination is planned once per connection.
 *
 * Outcomes on the wire: 0 done (row deleted, unless somebody knocked meanwhile), 1 again after a delay with the attempts
 * reset, 2 again after a delay as a failed attempt.
 */
import type { EffectKind, EffectRow } from "./effects.ts";

export interface Completion {
  readonly id: string;
  readonly fence: number;
  readonly outcome: 0 | 1 | 2;
  readonly delayMs: number;
  readonly error: string | null;
  readonly effects: readonly { readonly kind: string; readonly row: EffectRow }[];
}

export interface CompletionQuery {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

export function createCompleter(kinds: readonly EffectKind[]): (completions: readonly Completion[]) => CompletionQuery {
  const texts = new Map<string, string>();
  return (completions) => {
    const rows = new Map<string, object[]>();
    for (const completion of completions) {
      for (const effect of completion.effects) {
        const list = rows.get(effect.kind) ?? [];
        if (list.length === 0) rows.set(effect.kind, list);
        list.push({ task_id: completion.id, ...effect.row });
      }
    }
    const present = kinds.filter((kind) => rows.has(kind.name));
    if (present.length !== rows.size) throw new TypeError(`unknown effect kind among ${[...rows.keys()].join(", ")}`);
    const name = `complete:${present.map((kind) => kind.name).join(",")}`;
    const text = texts.get(name) ?? completionText(present);
    texts.set(name, text);
    return {
      name,
      text,
      values: [
        completions.map((completion) => completion.id),
        completions.map((completion) => completion.fence),
        completions.map((completion) => completion.outcome),
        completions.map((completion) => completion.delayMs),
        completions.map((completion) => completion.error),
        ...present.map((kind) => JSON.stringify(rows.get(kind.name))),
      ],
    };
  };
}

function completionText(kinds: readonly EffectKind[]): string {
  const guards = kinds.filter((kind) => kind.guard !== undefined).map((kind) => `(${kind.guard ?? ""})`);
  const inputs = kinds.map((kind, i) => {
    const columns = Object.entries(kind.columns).map(([column, type]) => `${column} ${type}`);
    return `${kind.name}_input as materialized (select * from jsonb_to_recordset($${i + 6}::jsonb) as x(task_id bigint, ${columns.join(", ")}))`;
  });
  const writes = kinds.flatMap((kind) => [
    `${kind.name}_rows as (select i.* from ${kind.name}_input i join fenced f on f.id = i.task_id where not f.void)`,
    `${kind.name}_write as (${kind.statement})`,
  ]);
  return `with held as materialized (
      select t.id, t.woken, h.outcome, h.delay_ms, h.error
      from unnest($1::bigint[], $2::int[], $3::smallint[], $4::bigint[], $5::text[]) as h(id, fence, outcome, delay_ms, error)
      join tasks t on t.id = h.id and t.fence = h.fence and t.state = 1
      for update of t),
    ${[...inputs, `fenced as materialized (select held.*, ${guards.length === 0 ? "false" : `id in (${guards.join(" union ")})`} as void from held)`].join(",\n    ")},
    ended as (delete from tasks t using fenced f where t.id = f.id and f.outcome = 0 and not f.woken and not f.void),
    rearmed as (
      update tasks t set state = 0, woken = false, lease_until = null,
        run_at = case when f.woken or f.void then now() else now() + f.delay_ms * interval '1 millisecond' end,
        attempts = case when f.outcome = 2 then t.attempts + 1 else 0 end, last_error = f.error
      from fenced f where t.id = f.id and (f.outcome <> 0 or f.woken or f.void))
    ${writes.length === 0 ? "" : `, ${writes.join(",\n    ")}`}
    select id, void from fenced`;
}
