/**
 * What goes wrong on the wire, as AMQP 0-9-1 numbers it. A soft error closes the channel that it happened on, a hard one the
 * connection; which of the two a code is, the specification fixes (RabbitMQ adds nothing).
 */
export const REPLY = {
  NO_ROUTE: 312,
  CONNECTION_FORCED: 320,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const;

export type Reply = keyof typeof REPLY;

const SOFT: ReadonlySet<Reply> = new Set(["ACCESS_REFUSED", "NOT_FOUND", "RESOURCE_LOCKED", "PRECONDITION_FAILED"]);

/** Thrown by whatever handles a frame; the connection turns it into `channel.close` or `connection.close`. */
export class AmqpError extends Error {
  override readonly name = "AmqpError";
  readonly reply: Reply;
  readonly hard: boolean;

  /** `text` follows the code's name in the reply text, as clients are used to: `NOT_FOUND - no queue 'q' in vhost '/'`. */
  constructor(reply: Reply, text: string, options: { readonly hard?: boolean } = {}) {
    super(`${reply} - ${text}`);
    this.reply = reply;
    this.hard = options.hard ?? !SOFT.has(reply);
  }
}
