/** What a subscriber's author imports. */
export { createSubscriber, type Subscriber, type SubscriberCounts } from "./subscriber.ts";
export type { HandlerContext, SubscriberOptions } from "./options.ts";
export type { BusMessage } from "./message.ts";
export { memoryLedger, type Ledger, type LedgerAnswer, type MemoryLedgerOptions } from "./ledger.ts";
export { postgresLedger, type PostgresLedgerOptions } from "./postgres-ledger.ts";
export { ShoalError } from "@shoal/shared/base/errors.ts";
export { milliseconds, minutes, seconds } from "@shoal/shared/base/time.ts";
