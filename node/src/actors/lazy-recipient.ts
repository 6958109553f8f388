/**
 * The address of an actor that may not exist yet. Façades are built first and handed to everyone, which is how actors that
 * need each other can be made one after the other. What is sent early waits here, in order and within the mailbox's bound.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Envelope, Recipient, ReplyOf } from "./actor.ts";

export interface LazyRecipient<M extends Envelope> extends Recipient<M> {
  /** Tells where to deliver, once; what waited is delivered first. */
  init(recipient: Recipient<M>): void;
}

interface Waiting<M> {
  readonly message: M;
  resolve(reply: unknown): void;
  reject(reason: unknown): void;
}

/** `bound`: messages that may wait before `init`; more are refused with `unavailable`. */
export function lazyRecipient<M extends Envelope>(name: string, bound = 1024): LazyRecipient<M> {
  let target: Recipient<M> | undefined;
  let waiting: Waiting<M>[] = [];

  return {
    send<Message extends M>(message: Message): Promise<ReplyOf<Message>> {
      if (target !== undefined) return target.send(message);
      if (waiting.length >= bound) {
        return Promise.reject(
          new ShoalError("unavailable", `${name} has not started and ${bound} messages wait for it`),
        );
      }
      return new Promise<ReplyOf<Message>>((resolve, reject) => {
        waiting.push({ message, resolve: (reply) => resolve(reply as ReplyOf<Message>), reject });
      });
    },

    init(recipient) {
      if (target !== undefined) throw new ShoalError("internal", `${name} was given two actors`);
      target = recipient;
      const early = waiting;
      waiting = [];
      for (const one of early) {
        recipient.send(one.message).then(
          (reply) => one.resolve(reply),
          (reason: unknown) => one.reject(reason),
        );
      }
    },
  };
}
