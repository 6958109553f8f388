/** One run: its world, its nodes, what is watched in them, and what is remembered of what was done. */
import { seeded, type Random } from "@shoal/shared/base/random.ts";
import { bytesOf, type ContextId, type GroupId } from "@shoal/node/model/ids.ts";
import type { SignedInvitation } from "@shoal/node/governance/contract.ts";
import { applicationOf, BOARD } from "./apps.ts";
import { Fabric } from "./fabric.ts";
import type { Plan } from "./plan.ts";
import { SimNode, type Hears, type Running } from "./sim-node.ts";
import type { Networks } from "./sim-network.ts";
import { Secrets } from "./secrets.ts";
import { createTally, type Tally } from "./sometimes.ts";
import { createTrace, type Trace } from "./trace.ts";
import { Violation } from "./violation.ts";
import { Watch } from "./watch.ts";
import { EPOCH, World } from "./world.ts";

export const APPLICATION = applicationOf(BOARD);
/** Peers that a node of a large simulation is connected to. */
const DEGREE = 6;

export class Simulation {
  readonly plan: Plan;
  readonly random: Random;
  readonly trace: Trace;
  readonly world: World;
  readonly fabric: Fabric;
  readonly nodes: readonly SimNode[];
  readonly tally: Tally = createTally();
  readonly watch = new Watch();
  readonly secrets = new Secrets();
  /** Issued and not forgotten, for people to use, use again, and revoke. */
  readonly invitations: { readonly signed: SignedInvitation; readonly by: SimNode }[] = [];
  readonly namespaces: GroupId[] = [];
  /** Artifacts that no guest may ever see, in hexadecimal. */
  readonly forged = new Set<string>();
  /** A hostile node alters what it sends. */
  tampering = false;
  #failed: Violation | undefined;

  constructor(plan: Plan, listen?: (line: string) => void) {
    this.plan = plan;
    this.random = seeded(plan.seed).child("run");
    this.trace = createTrace(listen);
    this.world = new World(this.trace);
    this.fabric = new Fabric(this.world, this.random.child("fabric"), plan);
    this.fabric.onTrouble = (what) => this.tally.add(what);
    this.nodes = this.#makeNodes();
    this.#connect();
  }

  get honest(): readonly SimNode[] {
    return this.nodes.filter(({ hostile }) => !hostile);
  }

  get epoch(): number {
    return EPOCH;
  }

  /** Namespaces that any honest node has. */
  namespacesOf(): readonly GroupId[] {
    return [
      ...new Set(this.honest.flatMap(({ running }) => [...(running?.governance.replica.namespaces() ?? [])])),
    ].sort();
  }

  hexOf(contextId: ContextId): string {
    return Buffer.from(bytesOf(contextId)).toString("hex");
  }

  /** Wires are whole again. */
  healed(): void {
    this.note("all wires are whole");
    if (this.watch.headsDiffer()) this.tally.add("wires healed with heads that differ");
    this.fabric.healAll();
  }

  /** Nothing befalls anybody any more. */
  healAll(): void {
    this.tampering = false;
    this.fabric.quality = { ...this.plan, loss: 0, duplication: 0, breakage: 0 };
    for (const node of this.nodes) {
      this.fabric.setQuality(node.peerId, undefined);
      node.disk.full = false;
      node.skewMs = 0;
      if (node.isDown) this.start(node);
    }
    this.healed();
  }

  get failed(): Violation | undefined {
    return this.#failed;
  }

  note(what: string): void {
    this.trace.note(this.world.now, what);
  }

  /** The first one counts. */
  fail(invariant: string, detail: string): void {
    this.#failed ??= new Violation(invariant, detail);
  }

  /** After every event. */
  check(): void {
    for (const node of this.nodes) if (this.watch.look(node)) this.secrets.logGrew(this, node);
    if (this.#failed !== undefined) throw this.#failed;
  }

  nodeOf(account: string): SimNode | undefined {
    return this.nodes.find((node) => node.account.publicKey === account);
  }

  /** Does what a person asks of a node; a refusal is an answer like any other, anything else a fault. */
  ask(node: SimNode, what: string, work: (running: Running) => Promise<unknown>): void {
    const { running } = node;
    if (running === undefined) return;
    this.note(`${node.name}: ${what}`);
    let asked: Promise<unknown>;
    try {
      asked = work(running);
    } catch (thrown) {
      asked = Promise.reject(thrown);
    }
    asked.then(
      () => this.note(`${node.name}: ${what}: done`),
      (thrown: unknown) => this.#refused(node, what, thrown),
    );
  }

  start(node: SimNode): void {
    node.start().catch((thrown: unknown) => {
      // As a service manager does with a process that ends: the disk may have room by then.
      if (node.disk.full) this.world.after(1_000, `${node.name} is to start`, () => this.start(node));
      else this.fail("starts", `${node.name} does not start: ${String(thrown)}`);
    });
  }

  #refused(node: SimNode, what: string, thrown: unknown): void {
    const { code, message, stack } = thrown as { code?: string; message?: string; stack?: string };
    const isRefusal = thrown instanceof Error && (code !== undefined || thrown.name === "ExecuteFailure");
    this.note(`${node.name}: ${what}: ${code ?? ""} ${message ?? String(thrown)}`);
    if (/expired/.test(message ?? "")) this.tally.add("invitation expired");
    if (/spent|revoked/.test(message ?? "")) this.tally.add("invitation spent or revoked");
    if (isRefusal && code !== "internal") return;
    if (!node.hostile) this.fail("answers", `${node.name}: ${what}: ${stack ?? String(thrown)}`);
  }

  #makeNodes(): SimNode[] {
    const { plan, world, random } = this;
    const networks: Networks = {
      fabric: this.fabric,
      ends: new Map(),
      tamperOf: (peer) => this.#tamperOf(peer),
      onBlame: (blame) => this.#blamed(blame.by, blame.peer, `${blame.fault}: ${blame.detail}`),
      onPublish: (peer, topic, payload) => this.secrets.published(this, peer, topic, payload),
    };
    const module = APPLICATION.modules[0]!.prepared;
    const skews = random.child("skews");
    return Array.from({ length: plan.nodes }, (_, index) => {
      const skewMs = plan.skewMs === 0 ? 0 : Math.round((skews.next() * 2 - 1) * plan.skewMs);
      if (Math.abs(skewMs) > 1_800_000) this.tally.add("clock an hour wrong");
      return new SimNode({
        index,
        world,
        networks,
        random: random.child(`node ${index}`),
        speed: plan,
        skewMs,
        hostile: index >= plan.nodes - plan.hostile,
        apps: new Map([[module, BOARD]]),
        applications: [APPLICATION],
        hears: this.#hears(),
      });
    });
  }

  #hears(): Hears {
    return {
      error: (node, line) => {
        this.note(`${node.name} errs: ${line}`);
        // A liar may name any root; who believes him otherwise is found by the roots themselves.
        const isLie = this.plan.hostile > 0 && line.includes("the state is not the one its author had");
        if (!node.hostile && !isLie) this.fail("logged", `${node.name}: ${line}`);
      },
      event: (_, { event }) => {
        if (event.type === "XCall" && event.outcome === "Ok") this.tally.add("xcall committed");
      },
      unlike: (node, what) => this.fail("I18", `${node.name}: ${what} was not the same the second time`),
      run: (_, method, isRepeated) => {
        if (isRepeated) this.tally.add("run repeated");
        if (method === "heard") this.tally.add("handler ran");
      },
      merge: (node, { deltas }) => {
        for (const { artifact } of deltas) {
          if (!node.hostile && this.forged.has(Buffer.from(artifact).toString("hex"))) {
            this.fail("unverified", `${node.name} hands a forged artifact to a guest`);
          }
        }
      },
      committed: (node, { contextId, id }) => this.watch.acknowledge(node, contextId, id),
      started: (node) => {
        void this.watch.begins(node).catch((thrown: unknown) => {
          if (thrown instanceof Violation) this.fail(thrown.invariant, thrown.message);
          else this.fail("watch", String(thrown));
        });
      },
    };
  }

  #blamed(by: string, peer: string, what: string): void {
    const [judge, blamed] = [by, peer].map((id) => this.nodes.find(({ peerId }) => peerId === id));
    if (judge === undefined || blamed === undefined || judge.hostile) return;
    if (blamed.hostile) this.tally.add("forgery refused");
    else if (/^(malformed|forged|oversized)/.test(what))
      this.fail("blame", `${judge.name} blames ${blamed.name}: ${what}`);
  }

  #tamperOf(peer: string): ((frame: Uint8Array) => readonly Uint8Array[] | undefined) | undefined {
    const node = this.nodes.find(({ peerId }) => peerId === peer);
    if (node?.hostile !== true) return undefined;
    return (frame) => (this.tampering ? this.#altered(frame) : undefined);
  }

  #altered(frame: Uint8Array): readonly Uint8Array[] | undefined {
    const { fabric } = this;
    if (!fabric.chance(0.2)) return undefined;
    const copy = frame.slice();
    switch (fabric.choose(5)) {
      case 0:
        copy[fabric.choose(Math.max(1, copy.length))]! ^= 1 << fabric.choose(8);
        return [copy];
      case 1:
        return [copy.subarray(0, fabric.choose(copy.length + 1))];
      case 2:
        return [copy, copy];
      case 3:
        return [];
      default:
        return [Uint8Array.from({ length: fabric.choose(300) }, () => fabric.choose(256))];
    }
  }

  #connect(): void {
    const { nodes, fabric } = this;
    const chance = this.random.child("neighbours");
    for (const [at, node] of nodes.entries()) {
      if (at > 0) fabric.want(node.peerId, nodes[at - 1]!.peerId);
      const others =
        nodes.length <= DEGREE + 2
          ? nodes
          : Array.from({ length: DEGREE / 2 }, () => nodes[Math.floor(chance.next() * nodes.length)]!);
      for (const other of others) if (other !== node) fabric.want(node.peerId, other.peerId);
    }
  }
}
