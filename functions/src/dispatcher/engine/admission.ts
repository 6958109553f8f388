/**
 * Which finished tasks may travel in one statement. Inside of one, every part sees the rows as they were before it, so two
 * parts must not write the same row: of two tasks that move the same processor, and of a task and one that knocks at it, the
 * later one waits for the next statement. Most batches meet no such case and pay a look at their effects.
 */
import type { Effect, EffectKind } from "../../store/tasks/effects/effect.ts";
import type { Task } from "../../store/tasks/statements.ts";

export interface Candidate {
  readonly task: Task;
  readonly effects: readonly Effect[];
}

export type Admission = <C extends Candidate>(
  queue: readonly C[],
  atMost: number,
) => { readonly admitted: readonly C[]; readonly later: readonly C[] };

const doorOf = (kind: string, key: string): string => `door ${kind}/${key}`;

export function createAdmission(kinds: readonly EffectKind[]): Admission {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  const choosy = new Set(
    kinds.filter((kind) => kind.subject !== undefined || kind.knocksAt !== undefined).map((kind) => kind.kind),
  );

  return (queue, atMost) => {
    const first = queue.slice(0, atMost);
    const rest = queue.slice(atMost);
    if (!first.some(({ effects }) => effects.some(({ kind }) => choosy.has(kind))))
      return { admitted: first, later: rest };
    const taken = new Set<string>();
    const knocked = new Set<string>();
    const [admitted, later]: [typeof first, typeof first] = [[], []];
    for (const candidate of first) {
      const own = doorOf(candidate.task.kind, candidate.task.key);
      const effects = candidate.effects.map((effect) => ({ effect, kind: byName.get(effect.kind) }));
      const subjects = effects.flatMap(({ effect, kind }) =>
        kind?.subject === undefined ? [] : [`${kind.kind} ${kind.subject(effect)}`],
      );
      const doors = effects.flatMap(({ effect, kind }) =>
        kind?.knocksAt === undefined ? [] : [doorOf(...kind.knocksAt(effect))],
      );
      const clash =
        knocked.has(own) || subjects.some((name) => taken.has(name)) || doors.some((door) => taken.has(door));
      if (clash) {
        later.push(candidate);
        continue;
      }
      for (const name of [own, ...subjects]) taken.add(name);
      for (const door of doors) knocked.add(door);
      admitted.push(candidate);
    }
    return { admitted, later: [...later, ...rest] };
  };
}

/** Two effects of one task that would write the same row, or a knock at its own door: a mistake of the handler's. */
export function mistakeIn({ task, effects }: Candidate, kinds: readonly EffectKind[]): string | undefined {
  const seen = new Set<string>();
  for (const effect of effects) {
    const kind = kinds.find((candidate) => candidate.kind === effect.kind);
    if (kind === undefined) return `no effect is called ${effect.kind}`;
    const door = kind.knocksAt?.(effect);
    if (door !== undefined && door[0] === task.kind && door[1] === task.key) return "a task knocks at its own door";
    if (kind.subject === undefined) continue;
    const name = `${kind.kind} ${kind.subject(effect)}`;
    if (seen.has(name)) return `two effects write ${name}`;
    seen.add(name);
  }
  return undefined;
}
