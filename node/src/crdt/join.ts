/**
 * How two writes of one entity merge. Each case is a join of a semilattice (commutative, associative, idempotent), so what a
 * replica ends with depends on the set of writes it has seen and on nothing else.
 */
import { hashedPart, type Write } from "../storage/merkle/entity-row.ts";
import { entryName, IMMUTABLE } from "./kinds.ts";
import { readCount, readRun, writeCount, writeRun } from "./payloads.ts";

export function join(a: Write, b: Write): Write {
  if (a.data[0] === b.data[0]) {
    const name = entryName(a.data[0]);
    if (name === "count") return joinCounts(a, b);
    if (name === "run") return joinRuns(a, b);
    if (name === "authoredEntry") return joinAuthored(a, b);
    if (name !== undefined && IMMUTABLE.has(name)) return earlier(a, b);
  }
  return later(a, b);
}

/** The later write; of two at one time the deletion, then the one whose bytes are larger. */
function later(a: Write, b: Write): Write {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt ? a : b;
  if (a.deleted !== b.deleted) return a.deleted ? a : b;
  const order = Buffer.compare(hashedPart(a), hashedPart(b));
  if (order !== 0) return order > 0 ? a : b;
  return a.signature === undefined ? b : a;
}

/** Of what never changes the first stands. */
function earlier(a: Write, b: Write): Write {
  if (Buffer.compare(hashedPart(a), hashedPart(b)) === 0) return later(a, b);
  return later(a, b) === a ? b : a;
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function stamps(a: Write, b: Write): Pick<Write, "createdAt" | "updatedAt" | "deleted"> {
  return { createdAt: min(a.createdAt, b.createdAt), updatedAt: max(a.updatedAt, b.updatedAt), deleted: false };
}

function joinCounts(a: Write, b: Write): Write {
  const [x, y] = [readCount(a.data), readCount(b.data)];
  const data = writeCount({
    executor: x.executor,
    up: max(x.up, y.up),
    upBase: max(x.upBase, y.upBase),
    down: max(x.down, y.down),
    downBase: max(x.downBase, y.downBase),
  });
  return { ...stamps(a, b), data };
}

/** The later write, and when its owner first wrote: who is first owns the key, and nobody can claim an earlier time. */
function joinAuthored(a: Write, b: Write): Write {
  const latest = later({ ...a, createdAt: 0n }, { ...b, createdAt: 0n });
  return { ...latest, createdAt: min(a.createdAt, b.createdAt) };
}

/** A character that anybody deleted is deleted. Two texts under one key are forged: then the larger stands, with its place. */
function joinRuns(a: Write, b: Write): Write {
  const [x, y] = [readRun(a.data), readRun(b.data)];
  const none = (run: typeof x): Uint8Array => writeRun({ ...run, deleted: new Uint8Array(run.deleted.length) });
  const order = Buffer.compare(none(x), none(y));
  if (order !== 0) return order > 0 ? a : b;
  const deleted = x.deleted.map((byte, at) => byte | y.deleted[at]!);
  return { ...stamps(a, b), data: writeRun({ ...x, deleted }) };
}
