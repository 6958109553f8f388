/**
 * One stream of server-sent events. The greeting and the farewell come twice, as events of their own name and as messages:
 * clients of one generation listen for the one, those of the other for the other.
 */
import type { ServerResponse } from "node:http";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { RequestFacts } from "../call.ts";
import type { Hub, Subscriber } from "../events/hub.ts";
import { listed, topicsOf } from "../events/topics.ts";
import type { ServerLimits } from "../limits.ts";
import type { ServerMetrics } from "../metrics.ts";
import type { Session } from "./sessions.ts";

export interface Stream extends Subscriber {
  readonly session: Session;
  /** The request that opened it: its token is judged again and again. */
  readonly request: Request;
  greet(reconnect: boolean): void;
  /** A sign of life, for proxies and to notice that the client is gone. */
  beat(): void;
  /** Says why, and ends; a client that does not read that either is cut. */
  end(type: "close" | "error", reason: string): void;
}

export interface StreamParts {
  readonly hub: Hub;
  readonly metrics: ServerMetrics;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** Aborted once the server is closed: nothing waits any more. */
  readonly closed: AbortSignal;
  readonly log: Log;
}

/** After which a client that lost its stream comes back. */
const RETRY_MS = 3000;

export function createStream(session: Session, { request, outgoing }: RequestFacts, parts: StreamParts): Stream {
  const { hub, metrics, limits, clock, closed, log } = parts;
  let ended = false;
  outgoing.on("error", (error) => log.debug({ reason: messageOf(error) }, "an event stream broke"));

  const stream: Stream = {
    session,
    request,
    greet: (reconnect) => greet(outgoing, session.id, reconnect),
    beat: () => {
      if (!ended && outgoing.writableLength === 0) outgoing.write(": \n\n");
    },
    end: (type, reason) => {
      if (ended) return;
      ended = true;
      hub.unsubscribe(stream, topicsOf(listed(session)));
      const body = JSON.stringify(type === "close" ? { type, reason } : { type, message: reason });
      outgoing.end(`event: ${type}\ndata: ${body}\n\ndata: ${body}\n\n`);
      const cut = (): unknown => outgoing.destroy();
      clock.sleep(limits.pongWithin, closed).then(cut, cut);
    },
    deliver: ({ sse }) => {
      if (ended) return;
      outgoing.write(`id: ${session.id}-${session.counter}\nevent: message\ndata: ${sse}\n\n`);
      session.counter += 1;
      metrics.sent("sse", 1);
      if (outgoing.writableLength <= limits.sendBufferBytes) return;
      metrics.dropped("sse", "slow");
      log.info({ bufferedBytes: outgoing.writableLength }, "an event stream's client reads too slowly: it is dropped");
      stream.end("error", "too slow: what was sent is not read");
    },
  };
  return stream;
}

function greet(outgoing: ServerResponse, id: string, reconnect: boolean): void {
  outgoing.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-sse-session-id": id,
    "x-sse-reconnect": String(reconnect),
  });
  const own = JSON.stringify({ session_id: id, reconnect });
  const message = JSON.stringify({ type: "connect", session_id: id, reconnect });
  outgoing.write(
    `retry: ${RETRY_MS}\nid: ${id}-0\nevent: connect\ndata: ${own}\n\nid: ${id}-0\nevent: message\ndata: ${message}\n\n`,
  );
}
