/**
 * `Idempotency-Key`: the first request's answer is kept under the key in the transaction of its intent, so either both are
 * there or neither, and a repeat is answered from what was kept. Only successes are kept: what was refused changed nothing
 * and may be tried again under the same key.
 */
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { claimKey, keepAnswer } from "../../store/idempotency/claim.ts";
import type { Tx } from "../../store/database.ts";
import { uniqueViolation } from "../../store/errors.ts";
import type { PlainReply } from "./answer.ts";
import { seal, unseal } from "./seal.ts";

const KEY = /^[\x21-\x7e]{1,200}$/;
const FIELD = "Idempotency-Key";

/** A request that may be repeated: whose, under which key, and what it asks for. */
export interface Repeatable {
  readonly organisationId: string;
  readonly key: string;
  /** Endpoint id. */
  readonly route: string;
  readonly requestHash: string;
  /** Set where the answer is confidential: what it is sealed with. */
  readonly secret: string | undefined;
}

export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header !== undefined && !KEY.test(header))
    throw new ShoalError("invalid_argument", "has to be 1 to 200 printable characters without spaces", {
      field: FIELD,
    });
  return header;
}

/** Hash of what is asked for; two requests under one key have to agree in it. */
export function requestHashOf(request: {
  readonly params: object;
  readonly query: object;
  readonly body: unknown;
}): string {
  return contentHash(request, 64);
}

/** Runs `first` unless the key has an answer already. Inside of the transaction that the intent commits in. */
export async function once(
  tx: Tx,
  request: Repeatable | undefined,
  random: Random,
  first: () => Promise<PlainReply>,
): Promise<PlainReply> {
  if (request === undefined) return first();
  const claim = await claimKey(tx, request.organisationId, request.key);
  if (claim.kind === "in-use")
    throw new ShoalError("idempotency_key_in_use", "a request with this key has not ended yet", {
      field: FIELD,
      retryAfterSeconds: 1,
    });
  if (claim.kind === "answered") {
    const { answer } = claim;
    if (answer.route !== request.route || answer.request_hash !== request.requestHash) throw reused();
    const reply = opened(answer.response_body, request);
    return { ...reply, headers: { ...reply.headers, "Idempotency-Replayed": "true" } };
  }
  const reply = await first();
  try {
    await keepAnswer(tx, {
      organisation_id: request.organisationId,
      key: request.key,
      route: request.route,
      request_hash: request.requestHash,
      response_status: reply.status,
      response_body: closed(reply, request, random),
    });
  } catch (thrown) {
    // Another route has the key, and this role cannot see its row.
    throw uniqueViolation(thrown) === undefined ? thrown : reused();
  }
  return reply;
}

function reused(): ShoalError {
  return new ShoalError("idempotency_key_reused", "the key was used for another request", { field: FIELD });
}

const contextOf = (request: Repeatable): string => `${request.route} ${request.key}`;

function closed(reply: PlainReply, request: Repeatable, random: Random): object {
  if (request.secret === undefined) return reply;
  return { sealed: seal(JSON.stringify(reply), request.secret, contextOf(request), random) };
}

function opened(stored: unknown, request: Repeatable): PlainReply {
  if (typeof stored !== "object" || stored === null) throw new ShoalError("internal", "a kept answer has no body");
  if (!("sealed" in stored)) return stored as PlainReply;
  const text = unseal(String(stored.sealed), request.secret ?? "", contextOf(request));
  // Another credential of the organisation: the answer was for the first one's eyes.
  if (text === undefined) throw reused();
  return JSON.parse(text) as PlainReply;
}
