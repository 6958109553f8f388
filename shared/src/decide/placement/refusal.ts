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

interface Counts {
  /** `free` is what there is of the resource that a capacity rule is about. */
  readonly add: (rule: number, free: number) => void;
  readonly list: () => RuleCount[];
}

/** Counts per rule number, told in the order of the rules. */
function createCounts(need: Resources): Counts {
  const hosts = HOST_RULES.map(() => 0);
  const most = HOST_RULES.map(() => 0);
  return {
    add: (rule, free) => {
      hosts[rule - 1]!++;
      if (free > most[rule - 1]!) most[rule - 1] = free;
    },
    list: () =>
      HOST_RULES.flatMap((rule, index): RuleCount[] => {
        const number = hosts[index]!;
        if (number === 0) return [];
        return isCapacity(rule)
          ? [{ rule, hosts: number, needs: NEEDS[rule](need), most: most[index]! }]
          : [{ rule, hosts: number }];
      }),
  };
}

const isCapacity = (rule: HostRule): rule is Capacity => rule in NEEDS;
const SLOTS = ruleNumber("pod_slots");
const CPU = ruleNumber("cpu");
const MEMORY = ruleNumber("memory");
const GPU = ruleNumber("gpu");

/** Counts of the rules that refuse each host now. */
export function refusalsNow(table: HostTable, podClass: PodClass, conditions: Conditions): readonly RuleCount[] {
  const { freeCpu, freeMemory, freePods, freeGpu } = table;
  const need = needOf(podClass);
  const counts = createCounts(need);
  for (let host = 0; host < table.size; host++) {
    const refused = podClass.fixed.refusal[host]!;
    if (refused > 0) counts.add(refused, 0);
    else if (freePods[host]! < need.pods) counts.add(SLOTS, freePods[host]!);
    else if (freeCpu[host]! < need.cpuMilli) counts.add(CPU, freeCpu[host]!);
    else if (freeMemory[host]! < need.memoryMiB) counts.add(MEMORY, freeMemory[host]!);
    else if (freeGpu[host]! < need.gpu) counts.add(GPU, freeGpu[host]!);
    else {
      const broken = rangeBroken(conditions.ranges, host);
      if (broken !== undefined) counts.add(ruleNumber(broken.rule), 0);
    }
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
    const short = shortOf(need, usable);
    if (refused > 0) counts.add(refused, 0);
    else if (short !== undefined) counts.add(ruleNumber(short), NEEDS[short](usable));
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
    if (!fits) counts.add(furthest, 0);
    else if (short !== undefined) counts.add(ruleNumber(short), NEEDS[short](usable));
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
