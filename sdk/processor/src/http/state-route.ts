/** `/state`: the orchestrator takes the state from one pod and gives it to the next. Bytes carry their digest both ways. */
import type { IncomingMessage } from "node:http";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";
import { STATE_DIGEST_HEADER, STATE_EPOCH_HEADER, STATE_SEQUENCE_HEADER } from "@shoal/shared/wire/state-headers.ts";
import { contentDigest } from "../state/body.ts";
import type { StateDesk } from "../state/desk.ts";
import { readBody, type Reply } from "./body.ts";
import { checkToken, rateLimiter } from "./guard.ts";

export interface StateRouteParts {
  readonly desk: StateDesk;
  readonly token: Secret | undefined;
  readonly maxBytes: number;
  readonly monotonic: () => number;
  /** Throws `unavailable` unless the processor runs: what is given to it while it starts or stops would be lost. */
  readonly checkRunning: () => void;
}

export function stateRoute(parts: StateRouteParts): (request: IncomingMessage) => Promise<Reply> {
  const limit = rateLimiter(parts.monotonic);
  return async (request) => {
    // Before the token is looked at, so that it cannot be guessed at any speed.
    limit(request.socket.remoteAddress ?? "");
    checkToken(parts.token, request.headers.authorization);
    if (request.method === "POST") return give(parts, request);
    const captured = await parts.desk.capture();
    return {
      status: 200,
      body: captured.text,
      headers: {
        "content-type": "application/json",
        [STATE_DIGEST_HEADER]: contentDigest(captured.text),
        [STATE_EPOCH_HEADER]: String(captured.epoch),
        [STATE_SEQUENCE_HEADER]: String(captured.sequence),
      },
    };
  };
}

async function give(parts: StateRouteParts, request: IncomingMessage): Promise<Reply> {
  const bytes = await readBody(request, parts.maxBytes);
  const digest = contentDigest(bytes);
  const announced = request.headers[STATE_DIGEST_HEADER];
  if (announced !== undefined && announced !== digest) {
    throw new ShoalError("invalid_argument", `the body's digest is ${digest}`, { field: STATE_DIGEST_HEADER });
  }
  const body = await parts.desk.open(bytes.toString("utf8"));
  parts.checkRunning();
  await parts.desk.load(body);
  await parts.desk.save();
  return {
    status: 200,
    body: { restored: true, epoch: body.epoch, sequence: body.sequence, digest },
    headers: { [STATE_DIGEST_HEADER]: digest },
  };
}
