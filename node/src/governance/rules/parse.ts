/**
 * Ops as bytes: canonical JSON with the signature in it. One op has one encoding, so what is not written exactly so is refused;
 * what comes out of `parseOp` has the shape that the rules expect, and no more than that (see `checkForm`).
 */
import { canonicalJson } from "@shoal/shared/base/canonical-json.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { z } from "zod";
import { MAX_OP_BYTES } from "../replication.ts";
import type { SignedOp } from "./op.ts";
import { actionShapes, opShape } from "./shapes.ts";

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeOp({
  version,
  namespaceId,
  groupId,
  parents,
  signer,
  nonce,
  atMs,
  action,
  signature,
}: SignedOp): Uint8Array {
  return utf8.encode(canonicalJson({ version, namespaceId, groupId, parents, signer, nonce, atMs, action, signature }));
}

/** Throws `invalid_argument`, naming the field, for anything but the encoding of an op of at most `MAX_OP_BYTES`. */
export function parseOp(bytes: Uint8Array): SignedOp {
  if (bytes.length > MAX_OP_BYTES) throw invalid("op", `expected at most ${MAX_OP_BYTES} bytes`);
  const value = jsonOf(bytes);
  const op = read(opShape, value, "op");
  const shape = actionShapes.get(op.action.type);
  if (shape === undefined) throw invalid("op.action.type", "there is no such action");
  read(shape, op.action, "op.action");
  const parsed = value as SignedOp;
  if (Buffer.compare(encodeOp(parsed), bytes) !== 0) throw invalid("op", "expected canonical JSON");
  return parsed;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strict.decode(bytes)) as unknown;
  } catch (cause) {
    throw new ShoalError("invalid_argument", "expected JSON in UTF-8", { field: "op", cause });
  }
}

function read<T>(shape: z.ZodType<T>, value: unknown, field: string): T {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid([field, ...(issue?.path ?? [])].join("."), issue?.message ?? "has another shape");
}

const invalid = (field: string, because: string): ShoalError => new ShoalError("invalid_argument", because, { field });
