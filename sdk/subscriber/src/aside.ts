/** Moves a message to another queue: a copy that the broker has confirmed, before the original is acknowledged. */
import type { ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ATTEMPTS_HEADER, ERROR_HEADER, REASON_HEADER, ROUTING_KEY_HEADER, routingKeyOfRaw } from "./read.ts";

/** A header table goes into one frame. */
const LONGEST_ERROR = 1000;

/** Rejects where the broker does not confirm, or has no such queue. */
export function moved(
  { channel, missing }: { readonly channel: ConfirmChannel; readonly missing: ReadonlySet<string> },
  queue: string,
  raw: ConsumeMessage,
  note: { readonly attempts: number; readonly reason?: string; readonly because?: string },
): Promise<void> {
  const { headers, messageId, contentType } = raw.properties;
  const options: Options.Publish = {
    persistent: true,
    mandatory: true,
    ...(typeof messageId === "string" ? { messageId } : {}),
    ...(typeof contentType === "string" ? { contentType } : {}),
    headers: {
      ...withoutBrokers(headers),
      [ATTEMPTS_HEADER]: note.attempts,
      [ROUTING_KEY_HEADER]: routingKeyOfRaw(raw),
      ...(note.reason === undefined ? {} : { [REASON_HEADER]: note.reason }),
      ...(note.because === undefined ? {} : { [ERROR_HEADER]: note.because.slice(0, LONGEST_ERROR) }),
    },
  };
  return new Promise((resolve, reject) => {
    channel.sendToQueue(queue, raw.content, options, (refused: unknown) => {
      // A return comes before its confirm.
      if ((refused === null || refused === undefined) && !missing.has(queue)) resolve();
      else reject(new ShoalError("unavailable", `the broker did not take a message for ${queue}`, { cause: refused }));
    });
  });
}

/** The broker's own account of dead letters: left in, it takes a second round through a retry queue for a circle and drops the message. */
function withoutBrokers(headers: unknown): Record<string, unknown> {
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^x-(?:death|first-death-|last-death-)/.test(name)),
  );
}
