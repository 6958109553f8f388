/**
 * An actor: a bounded mailbox and a handler. Messages are started in the order in which they came; a handler that waits (for
 * a worker, the store, a peer) does not hold up the others, so whatever must be in order is put in order by key
 * (`keyed-turns.ts`). The supervisor makes the actor anew when its own state is in doubt.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

declare const reply: unique symbol;

/** A message; `Reply` exists in types only. */
export interface Envelope {
  readonly type: string;
  readonly [reply]?: unknown;
}

/** Declares what a message is answered with: `type Get = Message<{ type: "get"; id: string }, Item>`. */
export type Message<Body extends { readonly type: string }, Reply> = Body & { readonly [reply]?: Reply };

export type ReplyOf<M extends Envelope> = M extends { readonly [reply]?: infer Reply } ? Reply : never;

export interface Recipient<M extends Envelope> {
  /** Rejects `unavailable` where the mailbox is full or the actor has stopped; else with what the handler threw. */
  send<Message extends M>(message: Message): Promise<ReplyOf<Message>>;
}

/** Thrown by a handler whose actor's own state may be wrong: the actor is made anew. */
export class ActorFault extends Error {
  override readonly name = "ActorFault";
}

export interface ActorOptions<M extends Envelope> {
  readonly name: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Makes the handler with fresh state: at start, and after each `ActorFault`. */
  readonly create: () => (message: M) => Promise<unknown>;
  /** Messages that may be in work or wait. */
  readonly mailbox?: number;
  readonly maxRestarts?: number;
  readonly restartWindow?: DurationMs;
  /** Told when it will not be made anew again; the node reports itself as not ready. */
  readonly onStopped?: (reason: unknown) => void;
}

export interface Actor<M extends Envelope> extends Recipient<M> {
  /** Takes nothing more, waits for what is in work. */
  stop(): Promise<void>;
  readonly restarts: number;
}

/** Default bound of a mailbox (reference: 1024). */
export const MAILBOX = 1024;
const MAX_RESTARTS = 5;
const RESTART_WINDOW = minutes(30);

export function startActor<M extends Envelope>(options: ActorOptions<M>): Actor<M> {
  const { name, log, clock, mailbox = MAILBOX, maxRestarts = MAX_RESTARTS, restartWindow = RESTART_WINDOW } = options;
  let handle = options.create();
  let stopped = false;
  let restarts = 0;
  let faults: number[] = [];
  const inWork = new Set<Promise<unknown>>();

  const restart = (fault: ActorFault): void => {
    const now = clock.monotonic();
    faults = [...faults.filter((at) => now - at < restartWindow), now];
    if (faults.length > maxRestarts) {
      stopped = true;
      log.error({ actor: name, err: fault }, "actor stopped: it failed too often");
      options.onStopped?.(fault);
      return;
    }
    restarts += 1;
    log.error({ actor: name, err: fault, restarts }, "actor made anew after a fault");
    handle = options.create();
  };

  const run = async (message: M, handler: (message: M) => Promise<unknown>): Promise<unknown> => {
    try {
      return await handler(message);
    } catch (thrown) {
      // Only the incarnation that failed is replaced: late failures of an old one say nothing about the new one.
      if (thrown instanceof ActorFault && handler === handle && !stopped) restart(thrown);
      if (!(thrown instanceof ActorFault)) throw thrown;
      throw new ShoalError("internal", `${name} failed: ${messageOf(thrown)}`, { cause: thrown });
    }
  };

  return {
    send<Message extends M>(message: Message): Promise<ReplyOf<Message>> {
      if (stopped) return Promise.reject(new ShoalError("unavailable", `${name} has stopped`));
      if (inWork.size >= mailbox) {
        return Promise.reject(
          new ShoalError("unavailable", `${name} has ${mailbox} messages in work`, { retryAfterSeconds: 1 }),
        );
      }
      const answer = run(message, handle) as Promise<ReplyOf<Message>>;
      inWork.add(answer);
      void answer.catch(() => undefined).finally(() => inWork.delete(answer));
      return answer;
    },
    async stop() {
      stopped = true;
      await Promise.allSettled(inWork);
    },
    get restarts() {
      return restarts;
    },
  };
}
