/** What has to be true in the end, when faults have long ceased: everybody who belongs has everything, and nobody else learnt it. */
import type { ContextId, GroupId } from "@shoal/node/model/ids.ts";
import { digestOf } from "./digest.ts";
import { historyOf } from "./oracle.ts";
import type { SimNode } from "./sim-node.ts";
import type { Simulation } from "./simulation.ts";
import { Violation } from "./violation.ts";

/** Why not all are level yet; undefined where they are. */
export function isLevel(sim: Simulation): string | undefined {
  for (const { name, running } of sim.honest) if (running === undefined) return `${name} is not up`;
  for (const namespaceId of sim.namespacesOf()) {
    const unlike = apart(
      membersOf(sim, namespaceId),
      ({ running }) => running?.governance.heads(namespaceId).join() ?? "",
    );
    if (unlike !== undefined) return `the log of ${namespaceId.slice(0, 6)}: ${unlike}`;
  }
  for (const contextId of contextsOf(sim)) {
    const readers = readersOf(sim, contextId);
    const unlike = apart(readers, (node) => standOf(sim, node, contextId));
    if (unlike !== undefined) return `context ${contextId.slice(0, 6)}: ${unlike}`;
    const lost = lostOf(sim, readers, contextId);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/** Throws a `Violation` for whatever is not as it has to be. */
export async function settled(sim: Simulation): Promise<void> {
  const why = isLevel(sim);
  if (why !== undefined) throw new Violation("liveness", why);
  for (const namespaceId of sim.namespacesOf()) {
    const states = membersOf(sim, namespaceId).map(({ running }) =>
      digestOf(running?.governance.namespaces().find(({ id }) => id === namespaceId)),
    );
    if (new Set(states).size > 1) throw new Violation("I17", `the states of ${namespaceId} differ in the end`);
    await againstOracle(sim, namespaceId);
  }
  count(sim);
  const { tried, leak } = sim.secrets.leak(sim);
  if (leak !== undefined) throw new Violation("sealed", leak);
  sim.tally.add("removed member read nothing", tried);
}

async function againstOracle(sim: Simulation, namespaceId: GroupId): Promise<void> {
  const [member] = membersOf(sim, namespaceId);
  const governance = member?.running?.governance;
  if (governance === undefined) return;
  const random = sim.random.child(`oracle of ${namespaceId}`);
  const state = digestOf(governance.namespaces().find(({ id }) => id === namespaceId));
  for (const name of ["one order", "another order"]) {
    const history = await historyOf(governance.replica, namespaceId, random.child(name));
    if (history.state !== undefined && history.state.groups.size > 0 && digestOf(history.state) !== state) {
      throw new Violation("I17", `the ops of ${namespaceId} give another state in an order of their own`);
    }
    if (name !== "one order") continue;
    for (const { hash, op } of history.ops()) {
      const verdict = history.verdict(hash);
      if (op.action.type === "GroupKeyRotated") sim.tally.add("key rotated");
      if (verdict === undefined || !("at" in verdict)) continue;
      if (verdict.at === "concurrent") sim.tally.add("op void by a concurrent removal");
      if (verdict.at === "order") sim.tally.add("op refused where it stands");
    }
  }
}

/** What the nodes counted. */
function count(sim: Simulation): void {
  const { tally, watch } = sim;
  tally.add("heads side by side", watch.sideBySide);
  for (const node of sim.honest) {
    const counted = node.running?.sync.counters.read();
    tally.add("snapshot taken", counted?.snapshot ?? 0);
    tally.add("states compared by tree", counted?.tree ?? 0);
    tally.add("deltas exchanged by id", counted?.deltas ?? 0);
    const waited = watch.factsOf(node)?.waited;
    tally.add("delta waited", waited?.deltas ?? 0);
    tally.add("op waited for a parent", waited?.ops ?? 0);
  }
}

/** Nodes that belong to the namespace by their own log, and by that of its founder, who has to be honest. */
function membersOf(sim: Simulation, namespaceId: GroupId): readonly SimNode[] {
  return sim.honest.filter((node) => {
    const { publicKey } = node.account;
    const own = node.running?.governance.replica;
    if (own === undefined || !own.namespaces().includes(namespaceId)) return false;
    return sim.honest.every(({ running }) => {
      const replica = running?.governance.replica;
      if (replica === undefined || !replica.namespaces().includes(namespaceId)) return true;
      return replica.belongs(namespaceId, publicKey);
    });
  });
}

function contextsOf({ honest }: Simulation): readonly ContextId[] {
  return [...new Set(honest.flatMap(({ running }) => [...(running?.replicas.list() ?? [])]))].sort();
}

/** Honest nodes that have the context and, by what every member's log says, may read it. */
function readersOf(sim: Simulation, contextId: ContextId): readonly SimNode[] {
  const [home] = sim.honest.flatMap(({ running }) => running?.governance.replica.namespaceOf(contextId) ?? []);
  if (home === undefined) return [];
  const members = membersOf(sim, home);
  return members.filter(
    ({ account, running }) =>
      running?.replicas.summary(contextId) !== undefined &&
      members.every((other) => other.running?.governance.replica.rightNow(contextId, account.publicKey) !== "none"),
  );
}

function standOf(sim: Simulation, node: SimNode, contextId: ContextId): string {
  const facts = sim.watch.factsOf(node)?.contexts.get(contextId);
  if (facts === undefined) return "not here";
  return facts.isInitialized
    ? `${facts.known.size} deltas ${facts.sum} root ${facts.root}`
    : "waits for its first state";
}

function apart(nodes: readonly SimNode[], standOf: (node: SimNode) => string): string | undefined {
  const [first] = nodes;
  if (first === undefined) return undefined;
  const stand = standOf(first);
  for (const node of nodes) {
    const other = standOf(node);
    if (other !== stand) return `${first.name} has ${stand}, ${node.name} has ${other}`;
  }
  return undefined;
}

/** A delta that one of the readers acknowledged and one of them does not have. */
function lostOf(sim: Simulation, readers: readonly SimNode[], contextId: ContextId): string | undefined {
  for (const author of readers) {
    for (const delta of sim.watch.acknowledgedBy(author, contextId)) {
      const without = readers.find(
        (node) => sim.watch.factsOf(node)?.contexts.get(contextId)?.known.has(delta) !== true,
      );
      if (without !== undefined) return `${without.name} has not got ${delta}, which ${author.name} acknowledged`;
    }
  }
  return undefined;
}
