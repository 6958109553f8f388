/**
 * One plan, from the first node's start to the verdict. People found and join; then everything that the plan has befalls
 * them (safety); then wires, disks and liars leave them alone, and within a bounded time all of a context have to be level.
 */
import { isLevel, settled } from "./level.ts";
import { MACHINES } from "./machines.ts";
import { forge } from "./hostile.ts";
import {
  actorOf,
  createContextIn,
  enterAll,
  foundingCapabilities,
  joinBy,
  PEOPLE,
  type MachineKind,
  type PersonKind,
} from "./people.ts";
import { SETUP_MS, type Plan, type Step } from "./plan.ts";
import type { SimNode } from "./sim-node.ts";
import { APPLICATION, Simulation } from "./simulation.ts";
import type { Verdict } from "./verdict.ts";
import { Violation } from "./violation.ts";

/** After the last step, before the faults end. */
const AFTERMATH_MS = 2_000;
/** How often it is looked whether all are level: soon at first, then ever later. */
const FIRST_LOOK_MS = 1_000;
const LAST_LOOK_MS = 60_000;
/** How long it may take, on top of what clocks were wrong by: what comes from the future waits until then. */
const LEVEL_WITHIN_MS = 30 * 60_000;

export interface RunOptions {
  /** Hears every line of the trace. */
  readonly listen?: (line: string) => void;
}

export async function runPlan(plan: Plan, { listen }: RunOptions = {}): Promise<Verdict> {
  const sim = new Simulation(plan, listen);
  const onRejection = (reason: unknown): void => sim.fail("quiet", `nobody handled: ${stackOf(reason)}`);
  process.on("unhandledRejection", onRejection);
  let failed: Violation | undefined;
  let levelMs = 0;
  try {
    levelMs = await throughPhases(sim);
  } catch (thrown) {
    failed = thrown instanceof Violation ? thrown : new Violation("simulator", stackOf(thrown));
  } finally {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onRejection);
  }
  failed ??= sim.failed;
  const { world, trace, tally } = sim;
  return {
    seed: plan.seed,
    hash: trace.hash(),
    events: world.events,
    virtualMs: world.now,
    levelMs,
    ...(failed === undefined
      ? {}
      : { failure: { invariant: failed.invariant, detail: failed.message, atMs: world.now } }),
    sometimes: tally.read(),
    tail: failed === undefined ? [] : trace.tail(),
  };
}

const stackOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);

async function throughPhases(sim: Simulation): Promise<number> {
  const { plan, world } = sim;
  const run = (untilMs: number): Promise<void> => world.run(untilMs, () => sim.check());
  for (const node of sim.nodes) sim.start(node);
  found(sim);
  for (const step of plan.steps)
    world.after(step.atMs - world.now, `step ${step.id}, ${step.kind}`, () => take(sim, step));
  await run(Math.max(SETUP_MS, plan.steps.at(-1)?.atMs ?? 0) + AFTERMATH_MS);
  sim.healAll();
  const healedAt = world.now;
  const until = healedAt + LEVEL_WITHIN_MS + 2 * plan.skewMs;
  for (let lookMs = FIRST_LOOK_MS; world.now < until; lookMs = Math.min(2 * lookMs, LAST_LOOK_MS)) {
    await run(world.now + lookMs);
    if (isLevel(sim) === undefined) break;
    for (const node of sim.honest) enterAll(sim, node);
  }
  const levelMs = world.now - healedAt;
  await settled(sim);
  sim.tally.add("all level again");
  return levelMs;
}

/** The first node founds, and invites the others; each of them comes in when it can, or not at all. */
function found(sim: Simulation): void {
  const { world, nodes, random } = sim;
  const chance = random.child("founding");
  const [founder] = nodes;
  if (founder === undefined) return;
  const capabilities = foundingCapabilities(chance.next());
  whenUp(sim, founder, 10, "founds", () => {
    sim.ask(founder, "founds a namespace", async ({ governance }) => {
      const id = await governance.createGroup({
        applicationId: APPLICATION.id,
        upgradePolicy: { type: "Automatic" },
        visibility: "Open",
      });
      sim.namespaces.push(id);
      await governance.act(id, [{ type: "DefaultCapabilitiesSet", capabilities }]);
    });
  });
  world.after(1_000, `${founder.name} makes a context`, () => {
    const group = founder.running?.governance.namespaces()[0]?.groups.values().next().value;
    if (group !== undefined) createContextIn(sim, founder, group, -1);
  });
  for (const guest of nodes.slice(1)) {
    const comesAt = 1_600 + chance.next() * 4_000;
    const isStranger = guest.hostile && chance.next() < 0.2;
    if (isStranger) continue;
    whenUp(sim, guest, comesAt, "is invited", () => admit(sim, founder, guest));
    world.after(comesAt + 2_000, `${guest.name} enters`, () => enterAll(sim, guest));
  }
}

/** Starting takes a node as long as its disk takes. */
function whenUp(sim: Simulation, node: SimNode, inMs: number, what: string, then: () => void): void {
  sim.world.after(inMs, `${node.name} ${what}`, () => {
    if (node.running === undefined) whenUp(sim, node, 100, what, then);
    else then();
  });
}

function admit(sim: Simulation, founder: SimNode, guest: SimNode): void {
  sim.ask(founder, `invites ${guest.name}`, async ({ governance, network }) => {
    const groupId = sim.namespaces[0];
    if (groupId === undefined) return;
    const expiresAtMs = Math.floor(sim.epoch + sim.world.now + founder.skewMs + 20_000_000);
    const made = governance.invite({ groupId, expiresAtMs, once: false });
    const signed = { ...made, peers: [`/sim/${network.self}`] };
    sim.invitations.push({ signed, by: founder });
    joinBy(sim, guest, signed);
  });
}

function take(sim: Simulation, step: Step): void {
  const { kind } = step;
  if (kind === "forge") forge(sim, step);
  else if (Object.hasOwn(MACHINES, kind)) MACHINES[kind as MachineKind](sim, step);
  else {
    const actor = actorOf(sim, step.picks[0]);
    if (actor !== undefined) PEOPLE[kind as PersonKind](sim, actor, step);
  }
}
