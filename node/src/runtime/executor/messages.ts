/**
 * What the executor and a worker tell each other. Runs and outcomes go as one buffer each, since cloning an object tree costs
 * more than the run that it describes. Both ends are the same build, so there is no version.
 */
import { type ErrorCode, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { COLUMNS } from "../../storage/store.ts";
import type { Column, Row } from "../../storage/store.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import type { Outcome, RunFailure, RunRequest, RunTimings } from "../contract.ts";
import type { VmLimits } from "../limits.ts";

const ID_BYTES = 32;
const NS_PER_US = 1000;
/** First byte of an answer. */
export const OK = 0;
const FAILURE = 1;
export const NO_OUTCOME = 2;

/** Given to a worker when it starts. */
export interface WorkerInit {
  readonly storePath: string;
  /** 32 bytes; undefined: values are plain. */
  readonly cipherKey?: Uint8Array;
  readonly blobsPath: string;
  readonly moduleCacheBytes: number;
}

/** Limits are told when they change, not with every run. */
export type ToWorker = { readonly limits: VmLimits } | { readonly close: true } | ArrayBuffer;

/** `ready` once, or why not; then, for every run that was sent and in that order, a packed answer. */
export type FromWorker = { readonly ready: true } | { readonly failed: string } | ArrayBuffer;

/** An outcome; or why there is none although the guest did nothing wrong (the store fails, the module is gone). */
export type Answer = { readonly outcome: Outcome } | { readonly error: ShoalError };

/** What a worker says of a run that was taken back before it began. */
export const NOT_BEGUN = new ArrayBuffer(0);

const MODES: readonly RunRequest["mode"][] = ["read", "write", "migrate"];

/** What a message to a worker asks for: its first byte. */
export const ASKS = { run: 0, merge: 1 } as const;

export const isMerge = (message: ArrayBuffer): boolean => new Uint8Array(message)[0] === ASKS.merge;

export function packRequest(request: RunRequest): ArrayBuffer {
  const writer = new BorshWriter();
  writer
    .u8(ASKS.run)
    .fixed(request.context)
    .fixed(request.executor)
    .fixed(request.device)
    .fixed(request.seed)
    .u64(request.nowNs)
    .u8(MODES.indexOf(request.mode))
    .option(request.xcallOrigin, fixed)
    .string(request.module)
    .string(request.method)
    .bytes(request.input)
    .vec(request.ahead ?? [], writeRow);
  return bufferOf(writer);
}

export function unpackRequest(message: ArrayBuffer, limits: VmLimits): RunRequest {
  const from = new BorshReader(new Uint8Array(message, 1));
  const [context, executor] = [from.fixed(ID_BYTES), from.fixed(ID_BYTES)];
  const [device, seed] = [from.fixed(ID_BYTES), from.fixed(ID_BYTES)];
  const [nowNs, mode] = [from.u64(), MODES[from.tag(MODES.length)]!];
  const xcallOrigin = from.option(readId);
  const [module, method, input] = [from.string(), from.string(), from.bytes()];
  const ahead = from.vec(readRow);
  const origin = xcallOrigin === undefined ? {} : { xcallOrigin };
  return {
    context,
    module,
    method,
    input,
    executor,
    device,
    ...origin,
    mode,
    nowNs,
    seed,
    limits,
    ...(ahead.length === 0 ? {} : { ahead }),
  };
}

export function writeRow(to: BorshWriter, { column, key, value }: Row): void {
  to.u8(COLUMNS.indexOf(column)).bytes(key).option(value, bytes);
}

export function readRow(from: BorshReader): Row {
  return { column: COLUMNS[from.tag(COLUMNS.length)] as Column, key: from.bytes(), value: from.option(readBytes) };
}

export function packError(thrown: unknown): ArrayBuffer {
  const code = thrown instanceof ShoalError ? thrown.code : "internal";
  return bufferOf(new BorshWriter().u8(NO_OUTCOME).string(code).string(messageOf(thrown)));
}

export function packOutcome(outcome: Outcome): ArrayBuffer {
  const writer = new BorshWriter();
  if ("failure" in outcome.returns) {
    const { kind, detail, message, data } = outcome.returns.failure;
    writer.u8(FAILURE).string(kind).option(detail, string).string(message).option(data, bytes);
  } else writer.u8(OK).option(outcome.returns.ok, bytes);
  writer
    .vec(outcome.logs, string)
    .vec(outcome.events, (to, { kind, data, handler }) => to.string(kind).bytes(data).option(handler, string))
    .vec(outcome.xcalls, (to, { context, method, params }) => to.fixed(context).string(method).bytes(params))
    .option(outcome.rootHash, bytes)
    .bytes(outcome.artifact)
    .vec(outcome.rows, writeRow)
    .bool(outcome.mutates)
    .u64(outcome.gasUsed)
    .u32(outcome.hostCalls)
    .option(outcome.migrationWitness, bytes)
    .option(outcome.timings, (to, { instanceUs, guestUs, hostUs, merkleUs }) => {
      for (const us of [instanceUs, guestUs, hostUs, merkleUs]) to.u64(BigInt(Math.round(us * NS_PER_US)));
    });
  return bufferOf(writer);
}

export function unpackAnswer(message: ArrayBuffer): Answer {
  const from = new BorshReader(new Uint8Array(message));
  const tag = from.tag(3);
  return tag === NO_OUTCOME ? { error: readError(from) } : { outcome: unpackOutcome(from, tag === FAILURE) };
}

export function readError(from: BorshReader): ShoalError {
  const code = from.string() as ErrorCode;
  return new ShoalError(code, from.string());
}

function unpackOutcome(from: BorshReader, failed: boolean): Outcome {
  const returns = failed ? { failure: unpackFailure(from) } : { ok: from.option(readBytes) };
  const logs = from.vec(readString);
  const events = from.vec(() => {
    const [kind, data, handler] = [from.string(), from.bytes(), from.option(readString)];
    return { kind, data, ...(handler === undefined ? {} : { handler }) };
  });
  const xcalls = from.vec(() => ({ context: from.fixed(ID_BYTES), method: from.string(), params: from.bytes() }));
  const [rootHash, artifact] = [from.option(readBytes), from.bytes()];
  const rows = from.vec(readRow);
  const [mutates, gasUsed, hostCalls] = [from.bool(), from.u64(), from.u32()];
  const [witness, timings] = [from.option(readBytes), from.option(readTimings)];
  return {
    returns,
    logs,
    events,
    xcalls,
    ...(rootHash === undefined ? {} : { rootHash }),
    artifact,
    rows,
    mutates,
    gasUsed,
    hostCalls,
    ...(witness === undefined ? {} : { migrationWitness: witness }),
    ...(timings === undefined ? {} : { timings }),
  };
}

function unpackFailure(from: BorshReader): RunFailure {
  const kind = from.string() as RunFailure["kind"];
  const [detail, message, data] = [from.option(readString), from.string(), from.option(readBytes)];
  return { kind, ...(detail === undefined ? {} : { detail }), message, ...(data === undefined ? {} : { data }) };
}

function readTimings(from: BorshReader): RunTimings {
  const us = (): number => Number(from.u64()) / NS_PER_US;
  return { instanceUs: us(), guestUs: us(), hostUs: us(), merkleUs: us() };
}

/** The writer's copy has a buffer of its own. */
export function bufferOf(writer: BorshWriter): ArrayBuffer {
  return writer.done().buffer as ArrayBuffer;
}

const bytes = (to: BorshWriter, value: Uint8Array): void => void to.bytes(value);
const fixed = (to: BorshWriter, value: Uint8Array): void => void to.fixed(value);
const string = (to: BorshWriter, value: string): void => void to.string(value);
const readBytes = (from: BorshReader): Uint8Array => from.bytes();
const readString = (from: BorshReader): string => from.string();
const readId = (from: BorshReader): Uint8Array => from.fixed(ID_BYTES);
