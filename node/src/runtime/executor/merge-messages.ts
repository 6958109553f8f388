/** Deltas to merge and what became of them, as executor and worker tell each other; see `messages.ts`. */
import type { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import type { MergeDelta, MergeOutcome, MergeRequest } from "../contract.ts";
import type { VmLimits } from "../limits.ts";
import { ASKS, bufferOf, NO_OUTCOME, OK, readError, readRow, writeRow } from "./messages.ts";

const ID_BYTES = 32;

export function packMerge(request: MergeRequest): ArrayBuffer {
  const writer = new BorshWriter()
    .u8(ASKS.merge)
    .fixed(request.context)
    .fixed(request.executor)
    .fixed(request.device)
    .fixed(request.seed)
    .fixed(request.root)
    .u64(request.nowNs)
    .string(request.module)
    .vec(request.ahead ?? [], writeRow)
    .vec(request.deltas, (to, { artifact, afterNs, untilNs, upon }) => {
      to.bytes(artifact).option(afterNs, u64).option(untilNs, u64);
      to.vec(upon, (inner, place) => inner.u32(place));
    });
  return bufferOf(writer);
}

export function unpackMerge(message: ArrayBuffer, limits: VmLimits): MergeRequest {
  const from = new BorshReader(new Uint8Array(message, 1));
  const [context, executor] = [from.fixed(ID_BYTES), from.fixed(ID_BYTES)];
  const [device, seed, root] = [from.fixed(ID_BYTES), from.fixed(ID_BYTES), from.fixed(ID_BYTES)];
  const [nowNs, module, ahead] = [from.u64(), from.string(), from.vec(readRow)];
  const deltas = from.vec(readDelta);
  return { context, module, executor, device, nowNs, seed, limits, ahead, root, deltas };
}

function readDelta(from: BorshReader): MergeDelta {
  const [artifact, afterNs, untilNs] = [from.bytes(), from.option(readU64), from.option(readU64)];
  return {
    artifact,
    ...(afterNs === undefined ? {} : { afterNs }),
    ...(untilNs === undefined ? {} : { untilNs }),
    upon: from.vec((inner) => inner.u32()),
  };
}

export function packMerged({ results, rows }: MergeOutcome): ArrayBuffer {
  const writer = new BorshWriter().u8(OK).vec(results, (to, result) => {
    if ("root" in result) to.u8(0).fixed(result.root);
    else to.u8(1).string(result.refused).bool(result.forged);
  });
  return bufferOf(writer.vec(rows, writeRow));
}

export function unpackMergeAnswer(
  message: ArrayBuffer,
): { readonly outcome: MergeOutcome } | { readonly error: ShoalError } {
  const from = new BorshReader(new Uint8Array(message));
  if (from.tag(3) === NO_OUTCOME) return { error: readError(from) };
  const results = from.vec((inner) =>
    inner.tag(2) === 0 ? { root: inner.fixed(ID_BYTES) } : { refused: inner.string(), forged: inner.bool() },
  );
  return { outcome: { results, rows: from.vec(readRow) } };
}

const u64 = (to: BorshWriter, value: bigint): void => void to.u64(value);
const readU64 = (from: BorshReader): bigint => from.u64();
