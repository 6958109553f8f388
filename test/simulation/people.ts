/** What people do: one function per kind of step. Each chooses by the step's own numbers among what there is at that moment. */
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import type { Action } from "@shoal/node/governance/rules/op.ts";
import type { Group, Namespace, Role } from "@shoal/node/governance/rules/state.ts";
import type { ContextId, PublicKey } from "@shoal/node/model/ids.ts";
import { chosen, type Step, type StepKind } from "./plan.ts";
import type { Running, SimNode } from "./sim-node.ts";
import { APPLICATION, type Simulation } from "./simulation.ts";

export type MachineKind = "restart" | "crash" | "partition" | "cutOneWay" | "heal" | "slow" | "skew" | "fullDisk";
export type PersonKind = Exclude<StepKind, MachineKind | "forge">;

/** Whoever does a step, and where. */
interface Actor {
  readonly node: SimNode;
  readonly running: Running;
}

type Does = (sim: Simulation, actor: Actor, step: Step) => void;

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

export function actorOf(sim: Simulation, share: number): Actor | undefined {
  const up = sim.nodes.filter(({ running }) => running !== undefined);
  const node = chosen(share, up);
  return node?.running === undefined ? undefined : { node, running: node.running };
}

/** A group that the node is told of, mostly the root: that is where most rights come from. */
function groupOf({ running }: Actor, share: number): { namespace: Namespace; group: Group } | undefined {
  const namespace = chosen((share * 7) % 1, running.governance.namespaces());
  const groups = [...(namespace?.groups.values() ?? [])];
  const group = share < 0.6 ? groups[0] : chosen((share * 13) % 1, groups);
  return namespace === undefined || group === undefined ? undefined : { namespace, group };
}

const contextOf = ({ running }: Actor, share: number): ContextId | undefined => chosen(share, running.replicas.list());

/** Somebody in the group, or anybody. */
function somebody(sim: Simulation, group: Group, share: number): PublicKey | undefined {
  const inside = [...group.members.keys()];
  return share < 0.8 ? chosen(share / 0.8, inside) : chosen((share - 0.8) / 0.2, sim.nodes)?.account.publicKey;
}

function act(sim: Simulation, actor: Actor, group: Group, actions: readonly Action[]): void {
  const what = `on ${group.id.slice(0, 6)}: ${actions.map(said).join(", ")}`;
  sim.ask(actor.node, what, ({ governance }) => governance.act(group.id, actions));
}

const said = (action: Action): string =>
  "member" in action ? `${action.type} ${String(action.member).slice(0, 6)}` : action.type;

/** One action on a group, made of who it is about and of the step's last number. */
function action(make: (member: PublicKey, share: number, group: Group) => readonly Action[] | undefined): Does {
  return (sim, actor, { picks }) => {
    const found = groupOf(actor, picks[1]);
    const member = found === undefined ? undefined : somebody(sim, found.group, picks[2]);
    const actions = found === undefined || member === undefined ? undefined : make(member, picks[3], found.group);
    if (found !== undefined && actions !== undefined) act(sim, actor, found.group, actions);
  };
}

const ROLES: readonly Role[] = ["Admin", "Admin", "Member", "ReadOnly"];
const KEYS = ["a", "b", "c", "d"];

/** Calls of the board, by a number. */
function callOf(share: number, value: string): { readonly method: string; readonly args: object } {
  const key = chosen((share * 31) % 1, KEYS)!;
  const at = Math.floor(share * 997) % 40;
  const calls = [
    { method: "set", args: { key, value } },
    { method: "set", args: { key, value } },
    { method: "remove", args: { key } },
    { method: "add", args: { value: key } },
    { method: "drop", args: { value: key } },
    { method: "count", args: {} },
    { method: "pay", args: { back: at % 2 === 0 } },
    { method: "type", args: { at, value: value.slice(-3) } },
    { method: "erase", args: {} },
    { method: "own", args: { value } },
    { method: "claim", args: { key, value } },
    { method: "freeze", args: { value: key } },
    { method: "document", args: { value } },
    { method: "fail", args: {} },
  ];
  return chosen(share, calls)!;
}

/** Lets a node in and into all contexts that it may enter then. */
export function joinBy(sim: Simulation, node: SimNode, invitation: Parameters<Running["governance"]["join"]>[0]): void {
  sim.ask(node, "joins by invitation", async ({ governance }) => governance.join(invitation));
}

/** Everything that the node's account may enter and that is not here. */
export function enterAll(sim: Simulation, node: SimNode): void {
  const { running } = node;
  if (running === undefined) return;
  const here = new Set(running.replicas.list());
  for (const { groups } of running.governance.namespaces()) {
    for (const { contexts } of groups.values()) {
      for (const contextId of contexts.keys()) if (!here.has(contextId)) enter(sim, node, contextId);
    }
  }
}

function enter(sim: Simulation, node: SimNode, contextId: ContextId): void {
  const { running } = node;
  if (running === undefined || running.governance.mayExecute(contextId, node.account.publicKey) === "none") return;
  sim.ask(node, `enters ${contextId.slice(0, 6)}`, (each) => each.join(contextId));
}

export function createContextIn(sim: Simulation, node: SimNode, group: Group, seed: number): void {
  const bytes = sim.random.child(`context ${seed}`).bytes(32);
  sim.ask(node, `makes a context in ${group.id.slice(0, 6)}`, ({ contexts }) =>
    contexts.createContext({
      applicationId: APPLICATION.id,
      seed: bytes,
      initializationParams: text({}),
      groupId: group.id,
    }),
  );
}

function inviteWith(
  options: (share: number, node: SimNode) => { once: boolean; within: number; aimed: boolean },
): Does {
  return (sim, actor, { picks, id }) => {
    const found = groupOf(actor, picks[1]);
    const guest = chosen(picks[2], sim.nodes);
    if (found === undefined || guest === undefined) return;
    const { once, within, aimed } = options(picks[3], actor.node);
    sim.ask(actor.node, `invites ${guest.name}`, async ({ governance, network }) => {
      const made = governance.invite({
        groupId: found.group.id,
        expiresAtMs: Math.floor(sim.epoch + sim.world.now + actor.node.skewMs + within),
        once,
        ...(aimed ? { invitee: guest.account.publicKey } : {}),
      });
      const signed = { ...made, peers: [`/sim/${network.self}`] };
      sim.invitations.push({ signed, by: actor.node });
      sim.world.after(200 + picks[3] * 2000, `${guest.name} has the invitation of step ${id}`, () =>
        joinBy(sim, guest, signed),
      );
    });
  };
}

export const PEOPLE: Readonly<Record<PersonKind, Does>> = {
  write(sim, actor, { picks, id }) {
    const contextId = contextOf(actor, picks[1]);
    if (contextId === undefined) return;
    const { method, args } = callOf(picks[2], `${actor.node.name} #${id}`);
    sim.ask(actor.node, `${method} in ${contextId.slice(0, 6)}`, ({ contexts }) =>
      contexts.execute({ contextId, method, args: text(args) }),
    );
  },
  read(sim, actor, { picks }) {
    const contextId = contextOf(actor, picks[1]);
    if (contextId === undefined) return;
    sim.ask(actor.node, `reads ${contextId.slice(0, 6)}`, ({ contexts }) =>
      contexts.execute({ contextId, method: "dump", args: text({}) }),
    );
  },
  xcall(sim, actor, { picks }) {
    const [from, to] = [contextOf(actor, picks[1]), contextOf(actor, picks[2])];
    if (from === undefined || to === undefined || from === to) return;
    sim.ask(actor.node, `calls from ${from.slice(0, 6)} into ${to.slice(0, 6)}`, ({ contexts }) =>
      contexts.execute({ contextId: from, method: "call", args: text({ context: sim.hexOf(to) }) }),
    );
  },
  createContext(sim, actor, { picks, id }) {
    const found = groupOf(actor, picks[1]);
    if (found !== undefined) createContextIn(sim, actor.node, found.group, id);
  },
  enterContext: (sim, actor) => enterAll(sim, actor.node),
  invite: inviteWith((share) => ({ once: share < 0.4, within: 600_000, aimed: share > 0.7 })),
  inviteExpired: inviteWith((share) => ({ once: false, within: 100 + share * 2000, aimed: false })),
  revoke(sim, actor, { picks }) {
    const invitation = chosen(picks[1], sim.invitations)?.signed.invitation;
    if (invitation === undefined) return;
    sim.ask(actor.node, "revokes an invitation", async ({ governance }) =>
      governance.revoke(invitation.groupId, invitation),
    );
  },
  add: action((member, share) => [{ type: "MemberAdded", member, role: chosen(share, ROLES)! }]),
  remove: action((member) => [{ type: "MemberRemoved", member }]),
  removeAndPromote(sim, actor, step) {
    const found = groupOf(actor, step.picks[1]);
    const member = found === undefined ? undefined : somebody(sim, found.group, step.picks[2]);
    const other = actorOf(sim, step.picks[3]);
    if (found === undefined || member === undefined || other === undefined || other.node === actor.node) return;
    // Each has not heard of the other's: that is what makes it worth trying.
    act(sim, actor, found.group, [{ type: "MemberRemoved", member }]);
    act(sim, other, found.group, [{ type: "MemberRoleSet", member, role: "Admin" }]);
    sim.tally.add("removal beside a promotion");
  },
  role: action((member, share) => [{ type: "MemberRoleSet", member, role: chosen(share, ROLES)! }]),
  leave: action(() => [{ type: "MemberLeft" }]),
  capabilities: action((member, share) => [
    share < 0.5
      ? { type: "DefaultCapabilitiesSet", capabilities: Math.floor(share * 1022) }
      : { type: "MemberCapabilitySet", member, capabilities: Math.floor((share - 0.5) * 1022) },
  ]),
  transfer: action((newOwner) => [{ type: "TransferOwnership", newOwner }]),
  subgroup(sim, actor, { picks }) {
    const found = groupOf(actor, picks[1]);
    if (found === undefined) return;
    sim.ask(actor.node, `makes a group below ${found.group.id.slice(0, 6)}`, ({ governance }) =>
      governance.createGroup({
        applicationId: APPLICATION.id,
        upgradePolicy: { type: "Automatic" },
        visibility: picks[2] < 0.6 ? "Open" : "Restricted",
        parentId: found.group.id,
      }),
    );
  },
  subgroupVisibility: action((_, share) => [
    { type: "SubgroupVisibilitySet", visibility: share < 0.5 ? "Open" : "Restricted" },
  ]),
  reparent(sim, actor, { picks }) {
    const found = groupOf(actor, picks[1]);
    const groups = [...(found?.namespace.groups.values() ?? [])];
    const [group, parent] = [chosen(picks[2], groups), chosen(picks[3], groups)];
    if (group !== undefined && parent !== undefined)
      act(sim, actor, group, [{ type: "GroupReparented", newParentId: parent.id }]);
  },
  contextVisibility: action((_, share, group) => {
    const contextId = chosen((share * 17) % 1, [...group.contexts.keys()]);
    const visibility = share < 0.5 ? "Open" : "Restricted";
    return contextId === undefined ? undefined : [{ type: "ContextVisibilitySet", contextId, visibility }];
  }),
  allowlist: action((member, share, group) => {
    const contextId = chosen(share, [...group.contexts.keys()]);
    return contextId === undefined ? undefined : [{ type: "ContextAllowlistReplaced", contextId, members: [member] }];
  }),
  autoFollow: action((member, share) => [
    { type: "MemberSetAutoFollow", member, autoFollow: { contexts: share < 0.7, subgroups: share < 0.4 } },
  ]),
};

/** Rights that the founder gives to everybody, by a number: most plans are about more than who may do nothing. */
export function foundingCapabilities(share: number): number {
  const some = CAPABILITY.joinOpen | CAPABILITY.createContext | CAPABILITY.inviteMembers;
  return share < 0.5 ? some : some | CAPABILITY.manageMembers | CAPABILITY.createSubgroup;
}
