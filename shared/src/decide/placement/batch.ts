/**
 * Many pods at once. Those that need a GPU come first, then those larger than half an average host, then those larger than
 * a third, each by descending size: they are the ones that find no gap later. All smaller ones are mixed in proportion,
 * so that at any moment the hosts see the whole batch's ratio of CPU to memory. Descending size alone would place all
 * memory-heavy pods of a size side by side and strand CPU, which costs 5 to 17 % more hosts (test/bench/placement.ts).
 */
import { byText } from "./quantities.ts";
import type { ClassOf, PodClass } from "./pod-class.ts";
import type { Decision, PlacementPod } from "./types.ts";

/** A batch is gone over again while that helps pods that wait for their neighbours, but never more often than this. */
const ROUNDS_MAX = 8;

interface Member {
  readonly pod: PlacementPod;
  readonly podClass: PodClass;
  /** Place in the input, and thus in the answer. */
  readonly index: number;
  /** Share of its group that goes before it, 0..1; 0 for pods that are placed by size. */
  turn: number;
}

const tierOf = ({ model, size }: PodClass): number => {
  if (model.requests.gpu > 0) return 0;
  if (size > 1 / 2) return 1;
  return size > 1 / 3 ? 2 : 3;
};
const MIXED = 3;

/** Pods are mixed by groups of about the same CPU and memory (powers of two), since each pod may be a class of its own. */
const groupOf = ({ model: { requests } }: PodClass): number =>
  64 * Math.ceil(Math.log2(requests.cpuMilli + 1)) + Math.ceil(Math.log2(requests.memoryMiB + 1));

/** Answers in the order of the input; which pod gets which host does not depend on that order. */
export function placeBatch(
  pods: readonly PlacementPod[],
  classOf: ClassOf,
  decide: (pod: PlacementPod, podClass: PodClass) => Decision,
): readonly Decision[] {
  const decisions: Decision[] = Array.from({ length: pods.length });
  let waiting: Member[] = [];
  for (const member of inOrder(pods, classOf)) {
    const decision = (decisions[member.index] = decide(member.pod, member.podClass));
    if (decision.kind === "provision" && dependsOnOthers(member.podClass)) waiting.push(member);
  }
  for (let round = 1; round < ROUNDS_MAX && waiting.length > 0; round++) {
    const before = waiting.length;
    waiting = waiting.filter(({ pod, index, podClass }) => {
      const decision = (decisions[index] = decide(pod, podClass));
      return decision.kind === "provision";
    });
    if (waiting.length === before) break;
  }
  return decisions;
}

/** All classes exist before the first pod has a place, so that every tally is complete from the start. */
function inOrder(pods: readonly PlacementPod[], classOf: ClassOf): readonly Member[] {
  const byClass = new Map<PodClass, Member[]>();
  for (const [index, pod] of pods.entries()) {
    const podClass = classOf(pod);
    const member = { pod, podClass, index, turn: 0 };
    const members = byClass.get(podClass);
    if (members === undefined) byClass.set(podClass, [member]);
    else members.push(member);
  }
  const tiers: Member[][] = [[], [], [], []];
  const groups = new Map<number, Member[]>();
  const classes = [...byClass].sort(([a], [b]) => b.size - a.size || byText(a.key, b.key));
  for (const [podClass, members] of classes) {
    members.sort((a, b) => byText(a.pod.id, b.pod.id));
    const tier = tierOf(podClass);
    for (const member of members) tiers[tier]!.push(member);
    if (tier !== MIXED) continue;
    const group = groupOf(podClass);
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [...members]);
    else for (const member of members) known.push(member);
  }
  for (const group of groups.values()) {
    for (const [position, member] of group.entries()) member.turn = (position + 0.5) / group.length;
  }
  // The sort is stable: members of equal turn keep the order of size, class and id that they have.
  tiers[MIXED]!.sort((a, b) => a.turn - b.turn);
  return tiers.flat();
}

/** Whether somebody else's arrival can open a host to the class. */
const dependsOnOthers = ({ spread, near }: PodClass): boolean =>
  spread.some(({ hard }) => hard) || near.some(({ weight }) => weight === "required");
