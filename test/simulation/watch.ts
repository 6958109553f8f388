/**
 * What must hold at every moment, looked at after every event that changed something on a node's disk. Only honest nodes are
 * held to it. Throws a `Violation`.
 *
 * I14 a root is the one recomputed from the rows, and nodes with the same deltas have the same root;
 * I15 parents come first, heads are the maximal deltas, and what was acknowledged stays;
 * I16 a replica that has a state only ever gains deltas;
 * I17 nodes with the same ops have the same state of the namespace.
 */
import { bytesOf, idOf, type ContextId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { digestOf } from "./digest.ts";
import { Facts, type Body, type ContextFacts } from "./facts.ts";
import type { SimNode } from "./sim-node.ts";
import { Violation } from "./violation.ts";

interface Seen {
  readonly value: string;
  /** Who had it first, for the story. */
  readonly by: string;
}

interface Looked {
  readonly facts: Facts;
  readonly had: Map<ContextId, ReadonlySet<string>>;
  readonly heads: Map<string, string>;
}

export class Watch {
  /** By context and set of deltas. */
  readonly #roots = new Map<string, Seen>();
  /** By namespace and heads, which say the set of ops. */
  readonly #states = new Map<string, Seen>();
  readonly #looked = new Map<SimNode, Looked>();
  readonly #acknowledged = new Map<string, Set<string>>();
  readonly #bodies = new Map<string, Body>();
  /** Accounts that were ever in a group, by any honest node's log. */
  readonly members = new Set<PublicKey>();
  /** Looks at contexts with more than one head. */
  sideBySide = 0;

  /** The node has told its people that a delta of theirs is stored. */
  acknowledge(node: SimNode, contextId: ContextId, delta: string): void {
    const key = `${node.name} ${contextId}`;
    this.#acknowledged.set(key, (this.#acknowledged.get(key) ?? new Set()).add(delta));
  }

  acknowledgedBy(node: SimNode, contextId: ContextId): ReadonlySet<string> {
    return this.#acknowledged.get(`${node.name} ${contextId}`) ?? new Set();
  }

  /** Whether nodes that have a context have it at different deltas. */
  headsDiffer(): boolean {
    const seen = new Map<ContextId, string>();
    for (const { facts } of this.#looked.values()) {
      for (const { id, heads, isInitialized } of facts.contexts.values()) {
        const before = seen.get(id);
        if (isInitialized && before !== undefined && before !== heads.join()) return true;
        if (isInitialized) seen.set(id, heads.join());
      }
    }
    return false;
  }

  factsOf(node: SimNode): Facts | undefined {
    return this.#looked.get(node)?.facts;
  }

  /** A process of the node begins, on what its disk has kept. */
  async begins(node: SimNode): Promise<void> {
    node.disk.takeApplied();
    const facts = await Facts.of(node.disk.rows, this.#bodies);
    this.#looked.set(node, { facts, had: new Map(), heads: new Map() });
    if (node.hostile) return;
    for (const one of facts.contexts.values()) this.#keepsAcknowledged(node, one);
  }

  /** True where a log of the node has grown. */
  look(node: SimNode): boolean {
    const batches = node.disk.takeApplied();
    const looked = this.#looked.get(node);
    if (looked === undefined || batches.length === 0) return false;
    for (const batch of batches) looked.facts.take(batch);
    if (node.hostile) return false;
    for (const facts of looked.facts.contexts.values()) {
      if (facts.isChecked) continue;
      facts.isChecked = true;
      if (facts.isInitialized) this.#context(node, looked, facts);
    }
    if (!looked.facts.groupsChanged || node.running === undefined) return false;
    looked.facts.groupsChanged = false;
    this.#namespaces(node, looked);
    return true;
  }

  #context(node: SimNode, { had }: Looked, facts: ContextFacts): void {
    const where = `${node.name}, context ${facts.id.slice(0, 6)}`;
    const context = bytesOf(facts.id);
    const tree = verifyTree((key) => node.disk.rows.get("state", keyOf(context, key)), context);
    if (!tree.ok) throw new Violation("I14", `${where}: the tree is wrong at ${tree.where}: ${tree.problem}`);
    const root = idOf<Hash>(tree.root);
    if (root !== facts.root) throw new Violation("I14", `${where}: the root is ${facts.root}, the rows' is ${root}`);
    this.#same(this.#roots, "I14", `${facts.id} ${facts.sum}`, root, where, "the same deltas give another root");
    this.#causal(facts, where);
    if (facts.heads.length > 1) this.sideBySide += 1;
    const before = had.get(facts.id);
    for (const delta of before ?? []) {
      if (!facts.known.has(delta)) throw new Violation("I16", `${where}: delta ${delta} is no longer in the state`);
    }
    had.set(facts.id, new Set(facts.known));
    this.#keepsAcknowledged(node, facts);
  }

  #causal({ known, heads }: ContextFacts, where: string): void {
    const named = new Set<string>();
    for (const delta of known) {
      const body = this.#bodies.get(delta);
      if (body?.isDatedAfter === true)
        throw new Violation("unverified", `${where}: ${delta} has writes dated after it`);
      for (const parent of body?.parents ?? []) {
        if (!known.has(parent)) throw new Violation("I15", `${where}: delta ${delta} came before its parent ${parent}`);
        named.add(parent);
      }
    }
    const maximal = [...known].filter((delta) => !named.has(delta)).sort();
    if (maximal.join() !== heads.join()) {
      throw new Violation("I15", `${where}: the heads are ${heads.join()}, the maximal deltas ${maximal.join()}`);
    }
  }

  #keepsAcknowledged(node: SimNode, { id, known }: ContextFacts): void {
    for (const delta of this.acknowledgedBy(node, id)) {
      if (!known.has(delta)) throw new Violation("I15", `${node.name} has lost delta ${delta}, which it acknowledged`);
    }
  }

  #namespaces(node: SimNode, { heads }: Looked): void {
    const governance = node.running?.governance;
    for (const namespace of governance?.namespaces() ?? []) {
      const now = governance!.heads(namespace.id).join();
      if (heads.get(namespace.id) === now) continue;
      heads.set(namespace.id, now);
      for (const { members } of namespace.groups.values()) for (const who of members.keys()) this.members.add(who);
      const where = `${node.name}, namespace ${namespace.id.slice(0, 6)}`;
      const digest = digestOf(namespace);
      this.#same(this.#states, "I17", `${namespace.id} ${now}`, digest, where, "the same ops give another state");
    }
  }

  #same(all: Map<string, Seen>, invariant: string, key: string, value: string, where: string, what: string): void {
    const seen = all.get(key);
    if (seen === undefined) all.set(key, { value, by: where });
    else if (seen.value !== value) {
      throw new Violation(invariant, `${where}: ${what} than at ${seen.by}: ${value}, not ${seen.value}`);
    }
  }
}
