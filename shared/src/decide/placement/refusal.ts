/**
 * Why nothing took a pod: `now` counts what refuses it on each host at this moment; `ever` asks whether an empty host, or
 * one that could be provisioned, can hold it at all. Built only when a search came back empty.
 */
import { lies, rangeBroken, wishesMet, type Conditions } from "./conditions.ts";
import type { HostTable } from "./host-table.ts";
import type { PodClass } from "./pod-class.ts";
import { byText, dominantShare, usableOf } from "./quantities.ts";
import { fullLabels, lastingRefusal, ruleNumber, staticWishes, type Candidate } from "./static-rules.ts";
import type { Tally } from "./topology.ts";
import { HOST_KEY, HOST_RULES, type HostRule, type HostShape, type Resources, type RuleCount } from "./types.ts";

type Capacity = "pod_slots" | "cpu" | "memory" | "gpu";

const NEEDS: Record<Capacity, (need: Resources) => number> = {
  pod_slots: (need) => need.pods,
  cpu: (need) => need.cpuMilli,
  memory: (need) => need.memoryMiB,
  gpu: (need) => need.gpu,
};
const CAPACITIES: readonly Capacity[] = ["pod_slots", "cpu", "memory", "gpu"];

const needOf = (podClass: PodClass): Resources => ({ ...podClass.model.requests, pods: 1 });
const shortOf = (need: Resources, free: Resources): Capacity | undefined =>
  CAPACITIES.find((one) => NEEDS[one](free) < NEEDS[one](need));

/** Counts per rule, told in the order of the rules. */
function createCounts(need: Resources): { add: (rule: HostRule, free: Resources) => void; list: () => RuleCount[] } {
  const counts = new Map<HostRule, RuleCount>();
  return {
    add(rule, free) {
      const known = counts.get(rule);
      const hosts = (known?.hosts ?? 0) + 1;
      if (!isCapacity(rule)) return void counts.set(rule, { rule, hosts });
      const most = Math.max(known?.most ?? 0, NEEDS[rule](free));
      counts.set(rule, { rule, hosts, needs: NEEDS[rule](need), most });
    },
    list: () => [...counts.values()].sort((a, b) => ruleNumber(a.rule) - ruleNumber(b.rule)),
  };
}

const isCapacity = (rule: HostRule): rule is Capacity => rule in NEEDS;
const ruleOf = (number: number): HostRule => HOST_RULES[number - 1]!;

/** Counts of the rules that refuse each host now. */
export function refusalsNow(table: HostTable, podClass: PodClass, conditions: Conditions): readonly RuleCount[] {
  const need = needOf(podClass);
  const counts = createCounts(need);
  for (let host = 0; host < table.size; host++) {
    const free = {
      cpuMilli: table.freeCpu[host]!,
      memoryMiB: table.freeMemory[host]!,
      pods: table.freePods[host]!,
      gpu: table.freeGpu[host]!,
    };
    const refused = podClass.fixed.refusal[host]!;
    const rule = refused > 0 ? ruleOf(refused) : (shortOf(need, free) ?? rangeBroken(conditions.ranges, host)?.rule);
    if (rule !== undefined) counts.add(rule, free);
  }
  return counts.list();
}

/** Counts of the rules that would refuse each host even if it were empty; shorter than the hosts if one could hold it. */
export function refusalsForGood(table: HostTable, podClass: PodClass): readonly RuleCount[] {
  const need = needOf(podClass);
  const counts = createCounts(need);
  for (let host = 0; host < table.size; host++) {
    const usable = table.usable[host]!;
    const refused = lastingRefusal(table.candidates[host]!, podClass.model);
    const rule = refused > 0 ? ruleOf(refused) : shortOf(need, usable);
    if (rule !== undefined) counts.add(rule, usable);
  }
  return counts.list();
}

export interface ShapeOption {
  readonly shape: string;
  readonly zone: string;
  readonly utilisation: number;
  readonly wishes: number;
}

export interface ShapeStudy {
  /** What can hold the pod, the shape that it would utilise most first. */
  readonly options: readonly ShapeOption[];
  readonly refusals: readonly RuleCount[];
}

/** Which shapes can hold a pod of the class, and in which zones. */
export function studyShapes(shapes: readonly HostShape[], podClass: PodClass, bufferPercent: number): ShapeStudy {
  const need = needOf(podClass);
  const counts = createCounts(need);
  const options: ShapeOption[] = [];
  for (const shape of shapes) {
    const usable = usableOf(shape.allocatable, bufferPercent);
    const short = shortOf(need, usable);
    let furthest = 0;
    let fits = false;
    for (const zone of shape.zones.length === 0 ? [""] : shape.zones) {
      const candidate: Candidate = {
        labels: fullLabels(shape.labels, zone, ""),
        taints: shape.taints,
        ready: true,
        cordoned: false,
      };
      const refused = lastingRefusal(candidate, podClass.model);
      furthest = Math.max(furthest, refused);
      if (refused > 0) continue;
      fits = true;
      if (short !== undefined) continue;
      const utilisation = dominantShare(need, shape.allocatable);
      options.push({ shape: shape.name, zone, utilisation, wishes: staticWishes(candidate, podClass.model) });
    }
    if (!fits) counts.add(ruleOf(furthest), usable);
    else if (short !== undefined) counts.add(short, usable);
  }
  options.sort((a, b) => b.utilisation - a.utilisation || byText(a.shape, b.shape) || byText(a.zone, b.zone));
  return { options, refusals: counts.list() };
}

/** The option to provision: of those that meet the hard rules about neighbours the one with most wishes, then the first. */
export function chooseShape(
  { options }: ShapeStudy,
  table: HostTable,
  conditions: Conditions,
): ShapeOption | undefined {
  let best: ShapeOption | undefined;
  let bestWishes = -Infinity;
  for (const option of options) {
    const zone = table.zones.indexOf(option.zone);
    // A host or a zone that does not exist yet holds nobody.
    const isNew = (tally: Tally): boolean => tally.topologyKey === HOST_KEY || (option.zone !== "" && zone < 0);
    const holds = conditions.ranges.every((range) =>
      isNew(range.tally) ? range.least <= 0 && range.most >= 0 : lies(range, zone),
    );
    if (!holds) continue;
    const known = conditions.wishes.filter(({ tally }) => !isNew(tally));
    const met = option.wishes + wishesMet(known, () => zone);
    if (met > bestWishes) [best, bestWishes] = [option, met];
  }
  return best;
}
