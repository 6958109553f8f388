/** The bus on a loopback port: broker, wire and fault switches put together. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { Broker } from "./broker.ts";
import { Connection } from "./connection.ts";
import type { BusFaults } from "./faults.ts";
import { DEFAULT_LIMITS, type BusLimits } from "./limits.ts";
import { lockFolder } from "./store/lock.ts";
import type { Users } from "./users.ts";

export interface BusOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where durable things live; one broker at a time. */
  readonly dataDir: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Password by name; the first one goes into `url`. */
  readonly users: Users;
  readonly limits?: Partial<BusLimits>;
  /** The disk can no longer be trusted: every connection was closed and nothing is confirmed any more. */
  readonly onBroken?: () => void;
}

export interface BusStats {
  readonly connections: number;
  readonly channels: number;
  readonly queues: number;
  readonly exchanges: number;
  readonly consumers: number;
  /** Messages that wait, and that are handed out, over all queues. */
  readonly ready: number;
  readonly unsettled: number;
  readonly published: number;
  readonly confirmed: number;
  readonly delivered: number;
  readonly returned: number;
  readonly deadLettered: number;
  /** Bytes of contents in memory, of the log, and of what in it is alive. */
  readonly residentBytes: number;
  readonly logBytes: number;
  readonly aliveBytes: number;
  /** What publishers wait for, in words; undefined for nothing. */
  readonly blocked: string | undefined;
}

export interface Bus {
  /** `amqp://user:password@127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  readonly faults: BusFaults;
  readonly stats: BusStats;
  /** Closes connections with 320, writes what is left, frees the port and the folder. */
  stop(): Promise<void>;
}

/**
 * Throws `conflict` where the folder is used, `unavailable` where the port is taken, `internal` where the log is damaged,
 * `invalid_argument` for what makes no sense.
 */
export async function startBus(options: BusOptions): Promise<Bus> {
  const [first] = Object.entries(options.users);
  if (first === undefined) throw new ShoalError("invalid_argument", "the bus needs a user", { field: "users" });
  if (!/^(127\.|localhost$|::1$)/.test(options.host))
    throw new ShoalError("invalid_argument", "the bus listens on loopback only", { field: "host" });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const lock = await lockFolder(options.dataDir);
  const server = createServer({ noDelay: true });
  const connections = new Set<Connection>();
  const closeAll = (code: number, text: string): void => {
    for (const each of connections) each.close({ code, text, classId: 0, methodId: 0 });
  };
  const onBroken = (): void => {
    server.close();
    closeAll(541, "INTERNAL_ERROR - the broker's disk failed");
    options.onBroken?.();
  };
  let broker: Broker;
  try {
    await listen(server, options);
    const { dataDir, log, clock = systemClock } = options;
    broker = new Broker({ dataDir, clock, log, limits, onBroken });
  } catch (thrown) {
    server.close();
    lock.release();
    throw thrown;
  }
  const faults = createFaults(connections);
  server.on("connection", (socket) => {
    if (faults.refuseConnections || connections.size >= limits.connections * 2) return void socket.resetAndDestroy();
    connections.add(
      new Connection(socket, {
        broker,
        users: options.users,
        faults,
        log: options.log,
        admits: () => [...connections].filter((each) => each.state === "open").length < limits.connections,
        onEnd: (connection) => void connections.delete(connection),
      }),
    );
  });
  const { port } = server.address() as AddressInfo;
  const [user, password] = first;
  return {
    port,
    url: `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${options.host}:${port}`,
    faults,
    get stats() {
      return statsOf(broker, connections);
    },
    stop: async () => {
      server.close();
      closeAll(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
      await Promise.all([...connections].map((each) => each.ended));
      await broker.stop();
      lock.release();
    },
  };
}

async function listen(server: Server, options: BusOptions): Promise<void> {
  server.listen(options.port, options.host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const what = `the bus cannot listen on ${options.host}:${options.port}: is another program using the port?`;
    throw new ShoalError("unavailable", what, { field: "port", cause });
  }
}

function createFaults(connections: ReadonlySet<Connection>): BusFaults {
  return {
    refuseConnections: false,
    delayConfirmsMs: 0,
    dropConfirms: false,
    cutConnections: () => {
      const all = [...connections];
      for (const each of all) each.cut();
      return all.length;
    },
  };
}

function statsOf(broker: Broker, connections: ReadonlySet<Connection>): BusStats {
  const queues = [...broker.topology.queues.values()];
  const sum = (of: (queue: (typeof queues)[number]) => number): number => queues.reduce((n, each) => n + of(each), 0);
  return {
    connections: connections.size,
    channels: [...connections].reduce((n, each) => n + each.channels.size, 0),
    queues: queues.length,
    exchanges: broker.topology.exchanges.size,
    consumers: sum((queue) => queue.consumers.length),
    ready: sum((queue) => queue.ready.size),
    unsettled: sum((queue) => queue.unsettled.size),
    ...broker.counts,
    residentBytes: broker.store.resident,
    logBytes: broker.store.log.total,
    aliveBytes: broker.store.alive,
    blocked: broker.pressure.reason,
  };
}
