/** An exchange, and what ties it to queues and to other exchanges. */
import type { Queue } from "./queue.ts";
import type { ExchangeType, Router } from "./routers.ts";
import type { Table } from "./wire/fields.ts";

export interface Exchange {
  readonly kind: "exchange";
  readonly id: number;
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Table;
  /** Takes what the bindings do not. */
  readonly alternate: string | undefined;
  readonly router: Router;
  /** Bindings from here. */
  readonly sources: Set<Binding>;
  /** Bindings to here. */
  readonly targets: Set<Binding>;
}

export interface Binding {
  readonly id: number;
  readonly source: Exchange;
  readonly destination: Queue | Exchange;
  readonly routingKey: string;
  readonly arguments: Table;
}
