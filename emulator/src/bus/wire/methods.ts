/**
 * AMQP 0-9-1's methods as data: numbers, fields in wire order with their types. Reader, writer and the types of all
 * handlers follow from this one table. `tx` is listed so that it can be refused by name.
 */
import { AmqpError } from "./errors.ts";
import { Reader, type Table, type Writer } from "./fields.ts";

interface Values {
  readonly octet: number;
  readonly short: number;
  readonly long: number;
  readonly longlong: bigint;
  readonly bit: boolean;
  readonly shortstr: string;
  readonly longstr: Buffer;
  readonly table: Table;
}

type Fields = Readonly<Record<string, keyof Values>>;

const method = <const F extends Fields>(classId: number, methodId: number, fields: F) => ({
  classId,
  methodId,
  fields,
});

const NONE = {} as const;
const CLOSE = { code: "short", text: "shortstr", classId: "short", methodId: "short" } as const;
const BINDING = { reserved: "short", destination: "shortstr", source: "shortstr", routingKey: "shortstr" } as const;
const QUEUE_BINDING = { reserved: "short", queue: "shortstr", exchange: "shortstr", routingKey: "shortstr" } as const;

export const METHODS = {
  "connection.start": method(10, 10, {
    major: "octet",
    minor: "octet",
    properties: "table",
    mechanisms: "longstr",
    locales: "longstr",
  }),
  "connection.start-ok": method(10, 11, {
    properties: "table",
    mechanism: "shortstr",
    response: "longstr",
    locale: "shortstr",
  }),
  "connection.tune": method(10, 30, { channelMax: "short", frameMax: "long", heartbeat: "short" }),
  "connection.tune-ok": method(10, 31, { channelMax: "short", frameMax: "long", heartbeat: "short" }),
  "connection.open": method(10, 40, { vhost: "shortstr", reserved1: "shortstr", reserved2: "bit" }),
  "connection.open-ok": method(10, 41, { reserved: "shortstr" }),
  "connection.close": method(10, 50, CLOSE),
  "connection.close-ok": method(10, 51, NONE),
  "connection.blocked": method(10, 60, { reason: "shortstr" }),
  "connection.unblocked": method(10, 61, NONE),
  "connection.update-secret": method(10, 70, { secret: "longstr", reason: "shortstr" }),
  "connection.update-secret-ok": method(10, 71, NONE),
  "channel.open": method(20, 10, { reserved: "shortstr" }),
  "channel.open-ok": method(20, 11, { reserved: "longstr" }),
  "channel.flow": method(20, 20, { active: "bit" }),
  "channel.flow-ok": method(20, 21, { active: "bit" }),
  "channel.close": method(20, 40, CLOSE),
  "channel.close-ok": method(20, 41, NONE),
  "exchange.declare": method(40, 10, {
    reserved: "short",
    exchange: "shortstr",
    type: "shortstr",
    passive: "bit",
    durable: "bit",
    autoDelete: "bit",
    internal: "bit",
    nowait: "bit",
    arguments: "table",
  }),
  "exchange.declare-ok": method(40, 11, NONE),
  "exchange.delete": method(40, 20, { reserved: "short", exchange: "shortstr", ifUnused: "bit", nowait: "bit" }),
  "exchange.delete-ok": method(40, 21, NONE),
  "exchange.bind": method(40, 30, { ...BINDING, nowait: "bit", arguments: "table" }),
  "exchange.bind-ok": method(40, 31, NONE),
  "exchange.unbind": method(40, 40, { ...BINDING, nowait: "bit", arguments: "table" }),
  "exchange.unbind-ok": method(40, 51, NONE),
  "queue.declare": method(50, 10, {
    reserved: "short",
    queue: "shortstr",
    passive: "bit",
    durable: "bit",
    exclusive: "bit",
    autoDelete: "bit",
    nowait: "bit",
    arguments: "table",
  }),
  "queue.declare-ok": method(50, 11, { queue: "shortstr", messages: "long", consumers: "long" }),
  "queue.bind": method(50, 20, { ...QUEUE_BINDING, nowait: "bit", arguments: "table" }),
  "queue.bind-ok": method(50, 21, NONE),
  "queue.purge": method(50, 30, { reserved: "short", queue: "shortstr", nowait: "bit" }),
  "queue.purge-ok": method(50, 31, { messages: "long" }),
  "queue.delete": method(50, 40, {
    reserved: "short",
    queue: "shortstr",
    ifUnused: "bit",
    ifEmpty: "bit",
    nowait: "bit",
  }),
  "queue.delete-ok": method(50, 41, { messages: "long" }),
  "queue.unbind": method(50, 50, { ...QUEUE_BINDING, arguments: "table" }),
  "queue.unbind-ok": method(50, 51, NONE),
  "basic.qos": method(60, 10, { size: "long", count: "short", global: "bit" }),
  "basic.qos-ok": method(60, 11, NONE),
  "basic.consume": method(60, 20, {
    reserved: "short",
    queue: "shortstr",
    consumerTag: "shortstr",
    noLocal: "bit",
    noAck: "bit",
    exclusive: "bit",
    nowait: "bit",
    arguments: "table",
  }),
  "basic.consume-ok": method(60, 21, { consumerTag: "shortstr" }),
  "basic.cancel": method(60, 30, { consumerTag: "shortstr", nowait: "bit" }),
  "basic.cancel-ok": method(60, 31, { consumerTag: "shortstr" }),
  "basic.publish": method(60, 40, {
    reserved: "short",
    exchange: "shortstr",
    routingKey: "shortstr",
    mandatory: "bit",
    immediate: "bit",
  }),
  "basic.return": method(60, 50, { code: "short", text: "shortstr", exchange: "shortstr", routingKey: "shortstr" }),
  "basic.deliver": method(60, 60, {
    consumerTag: "shortstr",
    deliveryTag: "longlong",
    redelivered: "bit",
    exchange: "shortstr",
    routingKey: "shortstr",
  }),
  "basic.get": method(60, 70, { reserved: "short", queue: "shortstr", noAck: "bit" }),
  "basic.get-ok": method(60, 71, {
    deliveryTag: "longlong",
    redelivered: "bit",
    exchange: "shortstr",
    routingKey: "shortstr",
    messages: "long",
  }),
  "basic.get-empty": method(60, 72, { reserved: "shortstr" }),
  "basic.ack": method(60, 80, { deliveryTag: "longlong", multiple: "bit" }),
  "basic.reject": method(60, 90, { deliveryTag: "longlong", requeue: "bit" }),
  "basic.recover-async": method(60, 100, { requeue: "bit" }),
  "basic.recover": method(60, 110, { requeue: "bit" }),
  "basic.recover-ok": method(60, 111, NONE),
  "basic.nack": method(60, 120, { deliveryTag: "longlong", multiple: "bit", requeue: "bit" }),
  "confirm.select": method(85, 10, { nowait: "bit" }),
  "confirm.select-ok": method(85, 11, NONE),
  "tx.select": method(90, 10, NONE),
  "tx.commit": method(90, 20, NONE),
  "tx.rollback": method(90, 30, NONE),
} as const;

export type MethodName = keyof typeof METHODS;

export type Arguments<N extends MethodName> = {
  readonly [K in keyof (typeof METHODS)[N]["fields"]]: (typeof METHODS)[N]["fields"][K] extends infer T extends
    keyof Values
    ? Values[T]
    : never;
};

/** A method that came in. The union is discriminated by `name`. */
export type Method = { readonly [N in MethodName]: { readonly name: N; readonly args: Arguments<N> } }[MethodName];

interface Plan {
  readonly name: MethodName;
  readonly fields: readonly (readonly [string, keyof Values])[];
}

const PLANS = new Map<number, Plan>();
for (const [name, { classId, methodId, fields }] of Object.entries(METHODS))
  PLANS.set(classId * 65536 + methodId, {
    name: name as MethodName,
    fields: Object.entries(fields) as [string, keyof Values][],
  });

/** Reads a method frame's payload. Throws 540 for a method that does not exist, 502 where the arguments do not fit. */
export function readMethod(payload: Buffer): Method {
  if (payload.length < 4) throw new AmqpError("FRAME_ERROR", "a method frame without a method");
  const plan = PLANS.get(payload.readUInt32BE(0));
  if (plan === undefined)
    throw new AmqpError("NOT_IMPLEMENTED", `method ${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`);
  const reader = new Reader(payload, 4);
  const args: Record<string, unknown> = {};
  for (const [field, type] of plan.fields) args[field] = reader[type]();
  return { name: plan.name, args } as Method;
}

/** Writes class, method and arguments: the payload of a method frame. */
export function writeMethod<N extends MethodName>(writer: Writer, name: N, args: Arguments<N>): void {
  const { classId, methodId, fields } = METHODS[name];
  writer.short(classId);
  writer.short(methodId);
  for (const [field, type] of Object.entries(fields) as [string, keyof Values][])
    (writer[type] as (value: unknown) => void).call(writer, (args as Readonly<Record<string, unknown>>)[field]);
}
