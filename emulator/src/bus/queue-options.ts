/** A queue's arguments, read and checked once. What RabbitMQ refuses with 406 is refused with 406. */
import { AmqpError } from "./wire/errors.ts";
import type { Field, Table } from "./wire/fields.ts";

export interface QueueOptions {
  readonly type: "classic" | "quorum";
  readonly messageTtl: number | undefined;
  readonly expires: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxBytes: number | undefined;
  readonly overflow: "drop-head" | "reject-publish" | "reject-publish-dlx";
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterRoutingKey: string | undefined;
  readonly deliveryLimit: number | undefined;
  readonly singleActive: boolean;
}

const OVERFLOWS = ["drop-head", "reject-publish", "reject-publish-dlx"] as const;
const TYPES = ["classic", "quorum"] as const;

/** 2^32 - 1 ms: RabbitMQ's own bound for a time to live. */
const LONGEST = 4_294_967_295;

function invalid(name: string, expectation: string): AmqpError {
  return new AmqpError("PRECONDITION_FAILED", `invalid arg '${name}' for queue: ${expectation}`);
}

/** A whole number as RabbitMQ takes it: of any integer type. */
export function integer(field: Field | undefined): number | undefined {
  if (field === undefined) return undefined;
  const whole = "bBsuIilT".includes(field.type) && "value" in field;
  return whole ? Number(field.value) : Number.NaN;
}

export function string(field: Field | undefined): string | undefined {
  return field?.type === "S" ? field.value.toString() : undefined;
}

/** Throws 406. */
export function readQueueOptions(args: Table): QueueOptions {
  const number = (name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined => {
    const value = integer(args.get(name));
    if (value === undefined) return undefined;
    if (!(value >= least && value <= most)) throw invalid(name, `wants a whole number of ${least} to ${most}`);
    return value;
  };
  const name = (key: string): string | undefined => {
    const field = args.get(key);
    if (field !== undefined && field.type !== "S") throw invalid(key, "wants a string");
    return string(field);
  };
  const among = <T extends string>(key: string, values: readonly T[], otherwise: T): T => {
    const value = name(key);
    if (value === undefined) return otherwise;
    const found = values.find((each) => each === value);
    if (found === undefined) throw invalid(key, `wants one of ${values.join(", ")}`);
    return found;
  };
  const single = args.get("x-single-active-consumer");
  const options: QueueOptions = {
    type: among("x-queue-type", TYPES, "classic"),
    messageTtl: number("x-message-ttl", 0, LONGEST),
    expires: number("x-expires", 1, LONGEST),
    maxLength: number("x-max-length", 0),
    maxBytes: number("x-max-length-bytes", 0),
    overflow: among("x-overflow", OVERFLOWS, "drop-head"),
    deadLetterExchange: name("x-dead-letter-exchange"),
    deadLetterRoutingKey: name("x-dead-letter-routing-key"),
    deliveryLimit: number("x-delivery-limit", 0),
    singleActive: single?.type === "t" && single.value,
  };
  if (options.deadLetterRoutingKey !== undefined && options.deadLetterExchange === undefined)
    throw invalid("x-dead-letter-routing-key", "wants x-dead-letter-exchange beside it");
  return options;
}
