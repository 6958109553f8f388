/**
 * A causal delta: what one call changed, the deltas it was made upon, and who says so. Its id is a hash over all of it, so a
 * delta cannot name one that was made later, and nothing of it can be altered; its signature is over the id.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import { sha256 } from "../model/sha256.ts";
import type { Hlc } from "./hlc.ts";

export interface DeltaEvent {
  readonly kind: string;
  readonly data: Uint8Array;
  readonly handler?: string;
}

/** Which version of which application the context runs from this delta on. */
export interface Move {
  /** 32 bytes. */
  readonly applicationId: Uint8Array;
  readonly version: string;
  /** 32 bytes: its blob, for whoever has to fetch it. */
  readonly appKey: Uint8Array;
}

/** All hashes and keys are 32 bytes. */
export interface DeltaBody {
  readonly context: Uint8Array;
  /** Ids of the heads it was made upon, sorted; empty for the first. */
  readonly parents: readonly Uint8Array[];
  /** borsh StorageDelta. */
  readonly artifact: Uint8Array;
  readonly hlc: Hlc;
  /** The root after it, where it was made. */
  readonly expectedRoot: Uint8Array;
  readonly author: Uint8Array;
  /** Heads of the namespace's governance log that the author had seen: the cut at which its rights are judged. */
  readonly position: readonly Uint8Array[];
  readonly events: readonly DeltaEvent[];
  /** The delta moves the context; its artifact is what the migration wrote, or nothing. */
  readonly move?: Move;
}

export interface Delta extends DeltaBody {
  readonly id: Uint8Array;
  /** 64 bytes, by the author, over `signedBytes(id)`. */
  readonly signature: Uint8Array;
}

/** Parents of one delta (reference: heads per message). */
export const MAX_PARENTS = 100;
/** Governance heads of one delta; a log with more is merged by its own node before the next delta. */
export const MAX_POSITION = 64;
/** Characters of the version that a delta moves to. */
const MAX_MOVE_VERSION = 256;
/** Events of one delta, and bytes of all of it: what is larger is refused before it is looked at. */
export const MAX_EVENTS = 1024;
export const MAX_DELTA_BYTES = 4 * 1024 * 1024;
const ID_DOMAIN = new TextEncoder().encode("shoal.delta.id.v1");
const SIGNATURE_DOMAIN = new TextEncoder().encode("shoal.delta.signature.v1");
const VERSION = 1;

export const deltaIdOf = (body: DeltaBody): Uint8Array => sha256(ID_DOMAIN, encodeBody(body));

/** What the author signs: the id, which covers everything. */
export function signedBytes(id: Uint8Array): Uint8Array {
  return new BorshWriter().fixed(SIGNATURE_DOMAIN).fixed(id).done();
}

export function encodeDelta(delta: Delta): Uint8Array {
  return framed(delta.signature, encodeBody(delta));
}

/** A delta of one's own as it is stored, with its id: what `encodeDelta` makes of it, with the body encoded once. */
export function sealDelta(
  body: DeltaBody,
  sign: (message: Uint8Array) => Uint8Array,
): { readonly id: Uint8Array; readonly bytes: Uint8Array } {
  const encoded = encodeBody(body);
  const id = sha256(ID_DOMAIN, encoded);
  return { id, bytes: framed(sign(signedBytes(id)), encoded) };
}

const framed = (signature: Uint8Array, body: Uint8Array): Uint8Array =>
  new BorshWriter().u8(VERSION).fixed(signature).fixed(body).done();

/** Reads a delta and computes its id; throws `invalid_argument` for anything that is not exactly one. */
export function decodeDelta(bytes: Uint8Array): Delta {
  if (bytes.length > MAX_DELTA_BYTES)
    throw new ShoalError("invalid_argument", `a delta has at most ${MAX_DELTA_BYTES} bytes`);
  const reader = new BorshReader(bytes);
  const version = reader.u8();
  if (version !== VERSION)
    throw new ShoalError("invalid_argument", `a delta of version ${VERSION} expected, not ${version}`);
  const signature = reader.fixed(64);
  const body: DeltaBody = {
    context: reader.fixed(32),
    parents: idList(reader, MAX_PARENTS, "parents"),
    artifact: reader.bytes(),
    hlc: { time: reader.u64(), node: reader.u128() },
    expectedRoot: reader.fixed(32),
    author: reader.fixed(32),
    position: idList(reader, MAX_POSITION, "governance heads"),
    events: events(reader),
  };
  const move = reader.option(moveOf);
  reader.end();
  const whole: DeltaBody = move === undefined ? body : { ...body, move };
  return { ...whole, id: deltaIdOf(whole), signature };
}

function encodeBody(body: DeltaBody): Uint8Array {
  return new BorshWriter()
    .fixed(body.context)
    .vec(body.parents, (writer, parent) => writer.fixed(parent))
    .bytes(body.artifact)
    .u64(body.hlc.time)
    .u128(body.hlc.node)
    .fixed(body.expectedRoot)
    .fixed(body.author)
    .vec(body.position, (writer, head) => writer.fixed(head))
    .vec(body.events, (writer, { kind, data, handler }) =>
      writer
        .string(kind)
        .bytes(data)
        .option(handler, (inner, name) => inner.string(name)),
    )
    .option(body.move, (writer, { applicationId, version, appKey }) =>
      writer.fixed(applicationId).string(version).fixed(appKey),
    )
    .done();
}

function moveOf(reader: BorshReader): Move {
  const move: Move = { applicationId: reader.fixed(32), version: reader.string(), appKey: reader.fixed(32) };
  if (move.version.length > MAX_MOVE_VERSION)
    throw new ShoalError("invalid_argument", `a version of at most ${MAX_MOVE_VERSION} characters expected`);
  return move;
}

/** Ascending without repetition, so that one set has one form. */
function idList(reader: BorshReader, limit: number, what: string): Uint8Array[] {
  const found = reader.vec((inner) => inner.fixed(32));
  if (found.length > limit) throw new ShoalError("invalid_argument", `a delta has at most ${limit} ${what}`);
  for (let at = 1; at < found.length; at++) {
    if (Buffer.compare(found[at - 1]!, found[at]!) >= 0)
      throw new ShoalError("invalid_argument", `the ${what} of a delta stand in ascending order`);
  }
  return found;
}

function events(reader: BorshReader): DeltaEvent[] {
  const found = reader.vec(event);
  if (found.length > MAX_EVENTS) throw new ShoalError("invalid_argument", `a delta has at most ${MAX_EVENTS} events`);
  return found;
}

function event(reader: BorshReader): DeltaEvent {
  const kind = reader.string();
  const data = reader.bytes();
  const handler = reader.option((inner) => inner.string());
  return { kind, data, ...(handler === undefined ? {} : { handler }) };
}
