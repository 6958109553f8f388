/** Reasons in words, for conditions, events and logs. Decisions carry data; sentences are made only where somebody reads. */
import type { HostRule, PlaceReason, RefusalReason, RuleCount } from "./types.ts";

const WORDS: Record<HostRule, string> = {
  not_ready: "not ready",
  cordoned: "cordoned",
  node_selector: "without the labels that nodeSelector asks for",
  node_affinity: "against the required node affinity",
  taint: "with a taint that is not tolerated",
  pod_slots: "too few pod slots",
  cpu: "too little CPU",
  memory: "too little memory",
  gpu: "too few GPUs",
  spread: "against the topology spread",
  pod_affinity: "without the pods it has to be near to",
  pod_anti_affinity: "with pods it has to be apart from",
};

const UNIT: Partial<Record<HostRule, string>> = { cpu: "m", memory: " MiB" };
const BUFFERED: readonly HostRule[] = ["cpu", "memory"];

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

function countInWords(count: RuleCount, bufferPercent: number): string {
  const { rule, hosts, needs, most } = count;
  if (needs === undefined || most === undefined) return `${hosts} ${WORDS[rule]}`;
  const unit = UNIT[rule] ?? "";
  const after = BUFFERED.includes(rule) ? ` after the ${bufferPercent} % buffer` : "";
  return `${hosts} ${WORDS[rule]} (needs ${needs}${unit}, most free ${most}${unit}${after})`;
}

function countsInWords(total: number, what: string, counts: readonly RuleCount[], bufferPercent: number): string {
  const words = counts.map((count) => countInWords(count, bufferPercent)).join(", ");
  return words === "" ? `0/${total} ${what}` : `0/${total} ${what}: ${words}`;
}

function refusalInWords(because: RefusalReason): string {
  const { rule, hosts, refusals, shapes, shapeRefusals, bufferPercent } = because;
  const onHosts = countsInWords(hosts, "hosts", refusals, bufferPercent);
  const onShapes = countsInWords(shapes, "provisionable shapes", shapeRefusals, bufferPercent);
  switch (rule) {
    case "no_hosts":
      return "no hosts are known";
    case "nothing_fits_now":
      return onHosts;
    case "never_fits":
      return shapes === 0
        ? `no host could hold it even if empty: ${onHosts}`
        : `no host could hold it even if empty: ${onHosts}; ${onShapes}`;
  }
}

/** One sentence without a full stop, such as `0/3 hosts: 1 cordoned, 2 too little memory (needs 2048 MiB, …)`. */
export function explain(because: PlaceReason | RefusalReason): string {
  switch (because.rule) {
    case "most_utilised":
      return `most utilised host that can hold it (${percent(because.utilisation)})`;
    case "preferred":
      return `host that meets most of its preferences (${percent(because.utilisation)} utilised)`;
    case "no_hosts":
    case "nothing_fits_now":
    case "never_fits":
      return refusalInWords(because);
  }
}
