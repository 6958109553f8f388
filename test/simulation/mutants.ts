/** Faults to plant: each must be found by the simulation, or it does not look where it should. */
import type { Fault } from "./plant.ts";

const fault = (name: string, breaks: string, file: string, find: string, put: string): Fault => ({
  name,
  breaks,
  file,
  find,
  put,
});

const JUDGE = "context/receive/judge.ts";
const APPLY = "context/receive/apply.ts";
const INSTALL = "context/install/install.ts";
const DAG = "dag/dag.ts";
const RESOLVE = "governance/rules/resolve.ts";

const DELTAS: readonly Fault[] = [
  fault(
    "delta-signature",
    "a delta is signed by its author",
    JUDGE,
    "!verify(delta.signature, signedBytes(delta.id), delta.author)",
    "false",
  ),
  fault("delta-right", "its author might write at its position", JUDGE, 'if (right !== "write")', "if (false)"),
  fault(
    "delta-position",
    "it waits for ops that it names",
    JUDGE,
    'if (right === "unknown") return { type: "wait", until: "governance" };',
    'if (right === "unknown") return { type: "fit" };',
  ),
  fault(
    "delta-governance-wait",
    "what waits for ops is judged again when they come",
    JUDGE,
    'if (right === "unknown") return { type: "wait", until: "governance" };',
    'if (right === "unknown") return refuse("its position is not known", false);',
  ),
  fault("delta-window", "its writes are not dated after it", APPLY, "untilNs: nanosecondsOf(delta.hlc),", ""),
  fault(
    "delta-heads",
    "a parent is no head any more",
    APPLY,
    "for (const parent of parents) heads.delete(parent);",
    "",
  ),
  fault("delta-own-head", "what was applied is a head", APPLY, "heads.add(id);", ""),
  fault(
    "delta-parents",
    "a delta waits for its parents",
    DAG,
    "if (!this.isApplied(parent) && !open.includes(parent)) open.push(parent);",
    "",
  ),
  fault(
    "dag-children",
    "a parent's arrival frees its children",
    DAG,
    'if (child.missing === 0 && child.state === "waiting") this.#makeReady(child);',
    "",
  ),
];

const SNAPSHOTS: readonly Fault[] = [
  fault(
    "snapshot-over-state",
    "a replica with a state takes no other (I16)",
    INSTALL,
    "if (known(parts, id).isInitialized)",
    "if (false)",
  ),
  fault(
    "snapshot-unverified",
    "what was taken is verified before it counts",
    INSTALL,
    "await verifyStaged(parts, id, boundary, heads);",
    "",
  ),
  fault(
    "snapshot-ids",
    "ids come with the rows",
    INSTALL,
    "await parts.store.apply(items.map((item) => stagedId(id, item)));",
    "",
  ),
];

const GOVERNANCE: readonly Fault[] = [
  fault(
    "op-signature",
    "an op is signed by its signer",
    "governance/rules/form.ts",
    "!crypto.verify(op.signer, opBytes(op), op.signature)",
    "op.signature === undefined",
  ),
  fault(
    "op-nonce",
    "a number is used once",
    "governance/rules/apply.ts",
    "return op.nonce <= (namespace?.nonces.get(op.signer) ?? 0);",
    "return op.nonce < 0;",
  ),
  fault(
    "order-of-arrival",
    "ops are applied in one order everywhere",
    RESOLVE,
    "(rank(a) === rank(b) && a.hash < b.hash)",
    "false",
  ),
  fault(
    "removal-loses",
    "a removal voids what is concurrent with it",
    RESOLVE,
    "if (takenBy(removal, entry, parts) !== undefined)",
    "if (false)",
  ),
  fault(
    "no-rotation",
    "who removes makes a new key",
    "governance/keyring/companion.ts",
    "if (!takes && !founds) return [];",
    "if (!founds) return [];",
  ),
  fault(
    "stale-key",
    "a key that somebody has who may not read is not used",
    "governance/keyring/freshness.ts",
    "for (const who of rotation.audience) if (!mayRead(namespace, scope, who)) return false;",
    "return true;",
  ),
  fault(
    "boxes-for-all",
    "keys are given to readers only",
    "governance/keyring/boxes.ts",
    "if (now.length >= MAX_BOXES || !mayRead(namespace, scope, who)) continue;",
    "if (now.length >= MAX_BOXES) continue;",
  ),
  fault(
    "state-after-heads",
    "state and heads move together",
    "governance/ledger.ts",
    "if (added.length > 0) this.#moved(book, added, false, claims);",
    "await this.#init.store.apply(rows); if (added.length > 0) this.#moved(book, added, false, claims);",
  ),
];

const SYNC: readonly Fault[] = [
  fault(
    "root-unasked",
    "level is who has the peer's root",
    "sync/protocols/choose.ts",
    "if (!sameDeltas)",
    "if (false)",
  ),
  fault(
    "never-behind",
    "a digest that differs is followed up",
    "sync/hear.ts",
    "if (differs()) hearing.behind(subject, from, differs);",
    "",
  ),
  fault(
    "pull-nothing",
    "what a peer has more is fetched",
    "sync/pull.ts",
    "if (bodies.length > 0) await take(bodies);",
    "",
  ),
  fault(
    "ahead-unseen",
    "a run reads what is on its way to the disk",
    "context/ahead.ts",
    "rows: (id) => latestRows(entriesOf(id)),",
    "rows: () => [],",
  ),
  fault(
    "acknowledged-early",
    "what is acknowledged is on the disk",
    "context/ahead.ts",
    "store.durable()]);",
    "Promise.resolve()]);",
  ),
];

export const FAULTS: readonly Fault[] = [...DELTAS, ...SNAPSHOTS, ...GOVERNANCE, ...SYNC];
