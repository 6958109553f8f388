/**
 * Pods that ask for the same are one class: what can be said about each host is worked out once per class, not once per
 * pod. Labels are no part of a class, since every processor carries labels of its own.
 */
import { ShoalError } from "../../base/errors.ts";
import type { HostTable } from "./host-table.ts";
import type { Ledger } from "./ledger.ts";
import { checkQuantities, dominantShare } from "./quantities.ts";
import { staticRefusal, staticWishes } from "./static-rules.ts";
import { createFloor, type Floor, type Tally } from "./topology.ts";
import type { PlacementPod, PodTerm, Resources } from "./types.ts";

/** Selector, tolerations and affinity to host labels, worked out for each host. */
export interface StaticClass {
  /** 0 where the host may take such a pod, else the number of the rule that refuses it. */
  readonly refusal: Uint8Array;
  /** Wishes that each host meets; absent where no host differs from 0. */
  readonly wishes: Int32Array | undefined;
  /** The most that a host which may take such a pod meets. */
  readonly mostWishes: number;
}

export interface SpreadRule {
  readonly tally: Tally;
  readonly floor: Floor;
  readonly maxSkew: number;
  readonly hard: boolean;
}

export interface TermRule {
  readonly tally: Tally;
  readonly weight: number | "required";
}

export interface PodClass {
  readonly key: string;
  /** The first pod of the class; any other would do, but for labels. */
  readonly model: PlacementPod;
  readonly fixed: StaticClass;
  /** Dominant share of an average host; the measure of what is large. */
  readonly size: number;
  readonly spread: readonly SpreadRule[];
  readonly near: readonly TermRule[];
  readonly apart: readonly TermRule[];
  readonly owned: readonly Tally[];
}

export type ClassOf = (pod: PlacementPod) => PodClass;

/** Throws `invalid_argument` for quantities, skews and weights that make no sense. */
export function createClasses(table: HostTable, ledger: Ledger<PodClass>): ClassOf {
  const classes = new Map<string, PodClass>();
  const statics = new Map<string, StaticClass>();
  const average = averageHost(table);
  const staticOf = (pod: PlacementPod): StaticClass => {
    const key = JSON.stringify([pod.nodeSelector, pod.tolerations, pod.affinity?.required, pod.affinity?.preferred]);
    const known = statics.get(key);
    if (known !== undefined) return known;
    const made = workOut(table, pod);
    statics.set(key, made);
    return made;
  };
  const make = (pod: PlacementPod, key: string): PodClass => {
    check(pod);
    const fixed = staticOf(pod);
    const terms = (of: readonly PodTerm[] = []): readonly TermRule[] =>
      of.map(({ topologyKey, matchLabels, weight }) => ({
        tally: ledger.matchingTally(topologyKey, matchLabels),
        weight,
      }));
    return {
      key,
      model: pod,
      fixed,
      size: dominantShare({ ...pod.requests, pods: 1 }, average),
      spread: (pod.spread ?? []).map((rule) => {
        const tally = ledger.matchingTally(rule.topologyKey, rule.matchLabels);
        const floor = createFloor(tally, fixed.refusal);
        return { tally, floor, maxSkew: rule.maxSkew, hard: rule.whenUnsatisfiable === "DoNotSchedule" };
      }),
      near: terms(pod.affinity?.pods),
      apart: terms(pod.affinity?.antiPods),
      owned: (pod.affinity?.antiPods ?? [])
        .filter(({ weight }) => weight === "required")
        .map(({ topologyKey, matchLabels }) => ledger.owningTally(topologyKey, matchLabels)),
    };
  };
  return (pod) => {
    const { cpuMilli, memoryMiB, gpu } = pod.requests;
    const free =
      pod.nodeSelector === undefined &&
      pod.tolerations === undefined &&
      pod.affinity === undefined &&
      pod.spread === undefined;
    const asks = free ? "" : JSON.stringify([pod.nodeSelector, pod.tolerations, pod.affinity, pod.spread]);
    const key = `${cpuMilli}/${memoryMiB}/${gpu}${asks}`;
    const known = classes.get(key);
    if (known !== undefined) return known;
    const made = make(pod, key);
    classes.set(key, made);
    return made;
  };
}

function workOut(table: HostTable, pod: PlacementPod): StaticClass {
  const refusal = Uint8Array.from(table.candidates, (host) => staticRefusal(host, pod));
  const wishes = Int32Array.from(table.candidates, (host) => staticWishes(host, pod));
  let mostWishes = -Infinity;
  for (const [host, met] of wishes.entries()) if (refusal[host] === 0 && met > mostWishes) mostWishes = met;
  return { refusal, wishes: wishes.some((met) => met !== 0) ? wishes : undefined, mostWishes };
}

/** What a host that takes pods may give away, on average. */
function averageHost(table: HostTable): Resources {
  const open = table.usable.filter((_, host) => table.out[host] === 0);
  const mean = (name: keyof Resources): number =>
    open.length === 0 ? 0 : open.reduce((sum, usable) => sum + usable[name], 0) / open.length;
  return { cpuMilli: mean("cpuMilli"), memoryMiB: mean("memoryMiB"), pods: mean("pods"), gpu: mean("gpu") };
}

function check(pod: PlacementPod): void {
  checkQuantities(`pod ${pod.id}`, pod.requests);
  for (const { maxSkew } of pod.spread ?? []) {
    if (!Number.isSafeInteger(maxSkew) || maxSkew < 1) {
      throw new ShoalError("invalid_argument", `pod ${pod.id} has maxSkew ${maxSkew}: at least 1 is needed`);
    }
  }
  const weights = [
    ...(pod.affinity?.preferred ?? []),
    ...(pod.affinity?.pods ?? []),
    ...(pod.affinity?.antiPods ?? []),
  ].map(({ weight }) => weight);
  for (const weight of weights) {
    if (weight !== "required" && (!Number.isSafeInteger(weight) || weight < 1 || weight > 100)) {
      throw new ShoalError("invalid_argument", `pod ${pod.id} has weight ${weight}: 1 to 100 is allowed`);
    }
  }
}
