/** An effect that tests can count: one row for each time it happened. */
import type { Effect, EffectKind } from "@shoal/functions/store/tasks/effects/effect.ts";

export const EFFECTS_TABLE = "create table effects (job text not null); grant all on effects to shoal_worker";

interface Counted extends Effect {
  readonly kind: "counted";
  readonly job: string;
}

export const EFFECT_KIND: EffectKind<Counted> = {
  kind: "counted",
  fields: { job: "text" },
  statement: "insert into effects (job) select job from counted_rows",
};

export const effectOf = (job: string): Counted => ({ kind: "counted", job });
