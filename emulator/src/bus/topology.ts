/**
 * Exchanges, queues and bindings by name: declared, compared, bound, removed with what hangs on them. Durable ones are told
 * to `keep`, whose tickets say when they are on disk. Errors and their texts are RabbitMQ's.
 */
import { randomBytes } from "node:crypto";
import type { Binding, Exchange } from "./binding.ts";
import { Queue, type Surroundings } from "./queue.ts";
import { readQueueOptions, string } from "./queue-options.ts";
import { isExchangeType, ROUTERS, sameField, sameTable } from "./routers.ts";
import type { TopologyRecord } from "./store/record.ts";
import { AmqpError } from "./wire/errors.ts";
import { EMPTY_TABLE, Reader, Writer, type Table } from "./wire/fields.ts";

export interface Keeper {
  nextId(): number;
  remember(record: TopologyRecord): number;
}

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Table;
}

export interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusiveTo: object | undefined;
  readonly arguments: Table;
}

export interface BindingDeclaration {
  readonly source: string;
  readonly to: "queue" | "exchange";
  readonly destination: string;
  readonly routingKey: string;
  readonly arguments: Table;
}

const PREDECLARED = [
  ["", "direct"],
  ["amq.direct", "direct"],
  ["amq.fanout", "fanout"],
  ["amq.topic", "topic"],
  ["amq.headers", "headers"],
  ["amq.match", "headers"],
] as const;

/** Arguments that two declarations of a queue must share. */
const COMPARED = [
  "x-message-ttl",
  "x-expires",
  "x-max-length",
  "x-max-length-bytes",
  "x-overflow",
  "x-dead-letter-exchange",
  "x-dead-letter-routing-key",
  "x-queue-type",
  "x-delivery-limit",
  "x-single-active-consumer",
];

export class Topology {
  readonly exchanges = new Map<string, Exchange>();
  readonly queues = new Map<string, Queue>();
  /** The highest ticket of what was changed last; who asked for the change waits for it. */
  ticket = 0;
  readonly #keeper: Keeper;
  readonly #around: Surroundings;

  constructor(keeper: Keeper, around: Surroundings) {
    this.#keeper = keeper;
    this.#around = around;
    for (const [name, type] of PREDECLARED)
      this.#addExchange(-1, { name, type, durable: true, autoDelete: false, internal: false, arguments: EMPTY_TABLE });
  }

  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new AmqpError("NOT_FOUND", `no exchange '${name}' in vhost '/'`);
    return exchange;
  }

  /** The queue, for whoever owns it if it is exclusive. Throws 404, 405. */
  queue(name: string, owner: object): Queue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new AmqpError("NOT_FOUND", `no queue '${name}' in vhost '/'`);
    if (queue.exclusiveTo !== undefined && queue.exclusiveTo !== owner) throw locked(name);
    return queue;
  }

  declareExchange(wanted: ExchangeDeclaration): void {
    if (wanted.name === "") throw new AmqpError("ACCESS_REFUSED", "operation not permitted on the default exchange");
    if (!isExchangeType(wanted.type)) throw new AmqpError("COMMAND_INVALID", `unknown exchange type '${wanted.type}'`);
    const there = this.exchanges.get(wanted.name);
    if (there !== undefined) return compareExchange(there, wanted);
    if (wanted.name.startsWith("amq."))
      throw new AmqpError("ACCESS_REFUSED", `exchange name '${wanted.name}' contains reserved prefix 'amq.*'`);
    const exchange = this.#addExchange(this.#keeper.nextId(), wanted);
    if (!exchange.durable) return;
    const { id, name, type, autoDelete, internal } = exchange;
    this.#keep({ kind: "exchange", id, name, type, autoDelete, internal, arguments: pack(exchange.arguments) });
  }

  #addExchange(id: number, wanted: ExchangeDeclaration): Exchange {
    if (!isExchangeType(wanted.type)) throw new Error(`the log names an exchange of type ${wanted.type}`);
    const exchange: Exchange = {
      ...wanted,
      kind: "exchange",
      id,
      type: wanted.type,
      alternate: string(wanted.arguments.get("alternate-exchange")),
      router: ROUTERS[wanted.type](),
      sources: new Set(),
      targets: new Set(),
    };
    this.exchanges.set(wanted.name, exchange);
    return exchange;
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    if (name === "") throw new AmqpError("ACCESS_REFUSED", "operation not permitted on the default exchange");
    if (PREDECLARED.some(([each]) => each === name))
      throw new AmqpError("ACCESS_REFUSED", `exchange name '${name}' contains reserved prefix 'amq.*'`);
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.sources.size > 0)
      throw new AmqpError("PRECONDITION_FAILED", `exchange '${name}' in vhost '/' in use`);
    this.#removeExchange(exchange);
  }

  #removeExchange(exchange: Exchange): void {
    if (!this.exchanges.delete(exchange.name)) return;
    for (const binding of [...exchange.sources, ...exchange.targets]) this.#removeBinding(binding);
    this.#forget(exchange.id);
  }

  /** Declares a queue, or finds it the same. An empty name gets one of the broker's. Throws 403, 405, 406. */
  declareQueue(wanted: QueueDeclaration, owner: object): Queue {
    const name = wanted.name === "" ? `amq.gen-${randomBytes(16).toString("base64url")}` : wanted.name;
    const there = this.queues.get(name);
    if (there !== undefined) {
      if (there.exclusiveTo !== undefined && there.exclusiveTo !== owner) throw locked(name);
      compareQueue(there, wanted);
      there.touch();
      return there;
    }
    if (wanted.name.startsWith("amq."))
      throw new AmqpError("ACCESS_REFUSED", `queue name '${name}' contains reserved prefix 'amq.*'`);
    if (string(wanted.arguments.get("x-queue-type")) === "quorum") checkQuorum(wanted);
    const queue = this.#addQueue(this.#keeper.nextId(), { ...wanted, name });
    if (queue.durable) {
      const { id, autoDelete } = queue;
      this.#keep({ kind: "queue", id, name, autoDelete, arguments: pack(queue.arguments) });
    }
    return queue;
  }

  #addQueue(id: number, wanted: QueueDeclaration): Queue {
    const queue = new Queue(
      {
        ...wanted,
        id,
        // An exclusive queue ends with its connection, so there is nothing of it to keep.
        durable: wanted.durable && wanted.exclusiveTo === undefined,
        options: readQueueOptions(wanted.arguments),
      },
      this.#around,
    );
    this.queues.set(queue.name, queue);
    return queue;
  }

  /** How many messages it held. Throws 406 where a condition does not hold. */
  deleteQueue(queue: Queue, conditions: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {}): number {
    if (conditions.ifUnused === true && queue.consumers.length > 0)
      throw new AmqpError("PRECONDITION_FAILED", `queue '${queue.name}' in vhost '/' in use`);
    if (conditions.ifEmpty === true && queue.ready.size > 0)
      throw new AmqpError("PRECONDITION_FAILED", `queue '${queue.name}' in vhost '/' not empty`);
    if (this.queues.get(queue.name) === queue) this.queues.delete(queue.name);
    for (const binding of queue.targets) this.#removeBinding(binding);
    const count = queue.remove();
    this.#forget(queue.id);
    return count;
  }

  bind(wanted: BindingDeclaration, owner: object): void {
    const [source, destination] = this.#ends(wanted, owner);
    if (find(source, destination, wanted) !== undefined) return;
    const binding = this.#addBinding(this.#keeper.nextId(), source, destination, wanted);
    if (!source.durable || !destination.durable) return;
    const { id, routingKey } = binding;
    const ends = { source: wanted.source, to: wanted.to, destination: wanted.destination };
    this.#keep({ kind: "binding", id, ...ends, routingKey, arguments: pack(wanted.arguments) });
  }

  unbind(wanted: BindingDeclaration, owner: object): void {
    const [source, destination] = this.#ends(wanted, owner);
    const binding = find(source, destination, wanted);
    if (binding !== undefined) this.#removeBinding(binding);
  }

  #ends(wanted: BindingDeclaration, owner: object): readonly [Exchange, Queue | Exchange] {
    if (wanted.source === "" || (wanted.to === "exchange" && wanted.destination === ""))
      throw new AmqpError("ACCESS_REFUSED", "operation not permitted on the default exchange");
    const destination =
      wanted.to === "queue" ? this.queue(wanted.destination, owner) : this.exchange(wanted.destination);
    return [this.exchange(wanted.source), destination];
  }

  #addBinding(id: number, source: Exchange, destination: Queue | Exchange, wanted: BindingDeclaration): Binding {
    const binding = { id, source, destination, routingKey: wanted.routingKey, arguments: wanted.arguments };
    source.sources.add(binding);
    source.router.add(binding);
    destination.targets.add(binding);
    return binding;
  }

  #removeBinding(binding: Binding): void {
    const { source, destination } = binding;
    if (!source.sources.delete(binding)) return;
    source.router.remove(binding);
    destination.targets.delete(binding);
    this.#forget(binding.id);
    if (source.autoDelete && source.sources.size === 0) this.#removeExchange(source);
  }

  #keep(record: TopologyRecord): void {
    this.ticket = Math.max(this.ticket, this.#keeper.remember(record));
  }

  #forget(id: number): void {
    this.#keep({ kind: "gone", id });
  }

  /** Brings back what the log remembers: exchanges and queues, then what ties them. */
  restore(records: Iterable<TopologyRecord>): void {
    const bindings: (TopologyRecord & { kind: "binding" })[] = [];
    for (const record of records) {
      if (record.kind === "gone") continue;
      if (record.kind === "binding") {
        bindings.push(record);
        continue;
      }
      const args = unpack(record.arguments);
      if (record.kind === "exchange") this.#addExchange(record.id, { ...record, durable: true, arguments: args });
      else this.#addQueue(record.id, { ...record, durable: true, exclusiveTo: undefined, arguments: args });
    }
    for (const record of bindings) {
      const source = this.exchanges.get(record.source);
      const destination = (record.to === "queue" ? this.queues : this.exchanges).get(record.destination);
      if (source === undefined || destination === undefined) this.#forget(record.id);
      else this.#addBinding(record.id, source, destination, { ...record, arguments: unpack(record.arguments) });
    }
  }
}

function locked(name: string): AmqpError {
  return new AmqpError(
    "RESOURCE_LOCKED",
    `cannot obtain exclusive access to locked queue '${name}' in vhost '/'. It could be originally declared on another ` +
      "connection or the exclusive property value does not match that of the original declaration.",
  );
}

function inequivalent(what: string, name: string, argument: string, given: unknown, current: unknown): AmqpError {
  return new AmqpError(
    "PRECONDITION_FAILED",
    `inequivalent arg '${argument}' for ${what} '${name}' in vhost '/': received '${String(given)}' but current is '${String(current)}'`,
  );
}

function compareExchange(there: Exchange, wanted: ExchangeDeclaration): void {
  for (const [argument, given, current] of [
    ["type", wanted.type, there.type],
    ["durable", wanted.durable, there.durable],
    ["auto_delete", wanted.autoDelete, there.autoDelete],
    ["internal", wanted.internal, there.internal],
    ["alternate-exchange", string(wanted.arguments.get("alternate-exchange")) ?? "none", there.alternate ?? "none"],
  ] as const)
    if (given !== current) throw inequivalent("exchange", there.name, argument, given, current);
}

function compareQueue(there: Queue, wanted: QueueDeclaration): void {
  const exclusive = there.exclusiveTo !== undefined;
  // An exclusive queue may have been declared durable; it is not kept either way.
  if (!exclusive && wanted.durable !== there.durable)
    throw inequivalent("queue", there.name, "durable", wanted.durable, there.durable);
  if ((wanted.exclusiveTo !== undefined) !== exclusive) throw locked(there.name);
  if (wanted.autoDelete !== there.autoDelete)
    throw inequivalent("queue", there.name, "auto_delete", wanted.autoDelete, there.autoDelete);
  for (const argument of COMPARED) {
    const [given, current] = [wanted.arguments.get(argument), there.arguments.get(argument)];
    if (given === current || (given !== undefined && current !== undefined && sameField(given, current))) continue;
    const isDefault = argument === "x-queue-type" && readQueueOptions(wanted.arguments).type === there.options.type;
    if (!isDefault) throw inequivalent("queue", there.name, argument, shown(given), shown(current));
  }
}

function shown(field: ReturnType<Table["get"]>): string {
  if (field === undefined) return "none";
  if (field.type === "S") return field.value.toString();
  return "value" in field && typeof field.value !== "object" ? String(field.value) : field.type;
}

function checkQuorum(wanted: QueueDeclaration): void {
  const refuse = (argument: string): AmqpError =>
    new AmqpError("PRECONDITION_FAILED", `invalid property '${argument}' for queue '${wanted.name}' in vhost '/'`);
  if (!wanted.durable) throw refuse("non-durable");
  if (wanted.exclusiveTo !== undefined) throw refuse("exclusive-owner");
  if (wanted.autoDelete) throw refuse("auto-delete");
}

function find(source: Exchange, destination: Queue | Exchange, wanted: BindingDeclaration): Binding | undefined {
  for (const binding of destination.targets)
    if (
      binding.source === source &&
      binding.routingKey === wanted.routingKey &&
      sameTable(binding.arguments, wanted.arguments)
    )
      return binding;
  return undefined;
}

function pack(args: Table): string {
  const writer = new Writer();
  writer.table(args);
  return writer.done().toString("base64");
}

const unpack = (packed: string): Table => new Reader(Buffer.from(packed, "base64")).table();
