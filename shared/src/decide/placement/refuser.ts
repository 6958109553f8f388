/**
 * What to do about a pod that nothing can hold now: provision a host, or say that none will ever do. What does not change
 * from pod to pod is worked out once per class, so that ten thousand pods without room cost little more than one.
 */
import { conditionsOf, type Conditions } from "./conditions.ts";
import type { Fleet } from "./fleet.ts";
import type { PodClass, StaticClass } from "./pod-class.ts";
import { chooseShape, refusalsForGood, refusalsNow, studyShapes, type ShapeStudy } from "./refusal.ts";
import type { Decision, HostShape, PlacementPod, RefusalReason, RuleCount } from "./types.ts";

/** What no neighbour changes: equal for pods of equal size that ask the same of a host's labels and taints. */
interface Outlook {
  readonly study: ShapeStudy;
  readonly forGood: readonly RuleCount[];
  readonly possible: boolean;
}

export function createRefuser(
  { table, ledger }: Pick<Fleet, "table" | "ledger">,
  shapes: readonly HostShape[],
  bufferPercent: number,
): (pod: PlacementPod, podClass: PodClass) => Decision {
  const outlooks = new Map<StaticClass, Map<string, Outlook>>();
  const latest = new Map<PodClass, { readonly version: number; readonly because: RefusalReason }>();
  const outlookOf = (podClass: PodClass): Outlook => {
    const { cpuMilli, memoryMiB, gpu } = podClass.model.requests;
    const bySize = outlooks.get(podClass.fixed) ?? new Map<string, Outlook>();
    outlooks.set(podClass.fixed, bySize);
    const size = `${cpuMilli}/${memoryMiB}/${gpu}`;
    const known = bySize.get(size);
    if (known !== undefined) return known;
    const study = studyShapes(shapes, podClass, bufferPercent);
    const forGood = refusalsForGood(table, podClass);
    const refused = forGood.reduce((sum, one) => sum + one.hosts, 0);
    const made = { study, forGood, possible: study.options.length > 0 || refused < table.size };
    bySize.set(size, made);
    return made;
  };
  const base = { bufferPercent, hosts: table.size, shapes: shapes.length };
  const nowBecause = (podClass: PodClass, conditions: Conditions, study: ShapeStudy): RefusalReason => {
    const known = latest.get(podClass);
    if (known !== undefined && known.version === ledger.version) return known.because;
    const refusals = refusalsNow(table, podClass, conditions);
    const because: RefusalReason = { ...base, rule: "nothing_fits_now", refusals, shapeRefusals: study.refusals };
    // Only a class without neighbours is refused for the same reasons whatever the labels of its pods are.
    if (conditions.ranges.length === 0) latest.set(podClass, { version: ledger.version, because });
    return because;
  };
  return (pod, podClass) => {
    if (table.size === 0 && shapes.length === 0) {
      const because: RefusalReason = { ...base, rule: "no_hosts", refusals: [], shapeRefusals: [] };
      return { kind: "provision", pod: pod.id, shape: undefined, zone: undefined, because };
    }
    const { study, forGood, possible } = outlookOf(podClass);
    if (!possible) {
      const because: RefusalReason = {
        ...base,
        rule: "never_fits",
        refusals: forGood,
        shapeRefusals: study.refusals,
      };
      return { kind: "unsatisfiable", pod: pod.id, because };
    }
    const conditions = conditionsOf(pod, podClass, ledger);
    const option = chooseShape(study, table, conditions);
    const zone = option === undefined || option.zone === "" ? undefined : option.zone;
    const because = nowBecause(podClass, conditions, study);
    return { kind: "provision", pod: pod.id, shape: option?.shape, zone, because };
  };
}
