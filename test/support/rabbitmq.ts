/**
 * A private RabbitMQ node: own folder, own ports, own epmd, all on loopback; nothing of the system's service is touched.
 * Needs Debian's `rabbitmq-server` (or another package that puts its scripts where `RABBITMQ_SERVER` says).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { eventually } from "./clock.ts";

/** The script itself: the wrapper in the path changes the user. */
const SERVER = process.env["RABBITMQ_SERVER"] ?? "/usr/lib/rabbitmq/bin/rabbitmq-server";

export const isRabbitMqInstalled = (): boolean => existsSync(SERVER);

/** Booting takes 3 s on a quiet machine and 12 s after a kill on a busy one. */
const BOOT_MS = 90_000;

export interface RabbitMq {
  readonly url: string;
  /** Ends the node without a word to it. */
  kill9(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Ends the node and its epmd and removes their folder. */
  stop(): Promise<void>;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function environment(folder: string, ports: { port: number; dist: number; epmd: number }): NodeJS.ProcessEnv {
  const at = (name: string): string => join(folder, name);
  return {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    HOME: folder,
    RABBITMQ_NODENAME: "shoal@localhost",
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(ports.port),
    RABBITMQ_DIST_PORT: String(ports.dist),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(ports.epmd),
    RABBITMQ_MNESIA_BASE: at("mnesia"),
    RABBITMQ_LOG_BASE: at("log"),
    RABBITMQ_PID_FILE: at("pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: at("plugins"),
    RABBITMQ_GENERATED_CONFIG_DIR: at("generated"),
    RABBITMQ_SCHEMA_DIR: at("schema"),
    RABBITMQ_CONFIG_FILE: at("rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: at("advanced.config"),
    RABBITMQ_CONF_ENV_FILE: at("none"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
  };
}

async function answers(port: number): Promise<true | undefined> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}

export async function startRabbitMq(): Promise<RabbitMq> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-rabbitmq-"));
  const [port = 0, dist = 0, epmdPort = 0] = await freePorts(3);
  for (const name of ["mnesia", "log", "generated", "schema"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "plugins"), "[].\n");
  writeFileSync(
    join(folder, "rabbitmq.conf"),
    [
      `listeners.tcp.default = 127.0.0.1:${port}`,
      "loopback_users.guest = true",
      "log.console.level = warning",
      "disk_free_limit.absolute = 50MB",
      "",
    ].join("\n"),
  );
  const env = environment(folder, { port, dist, epmd: epmdPort });
  // Started by hand, because the one that a node starts for itself outlives it.
  const epmd = spawn("epmd", ["-address", "127.0.0.1", "-port", String(epmdPort)], { env, stdio: "ignore" });
  let node: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    rmSync(join(folder, "pid"), { force: true });
    node = spawn(SERVER, { env, stdio: ["ignore", "ignore", "ignore"] });
    const gone = once(node, "exit").then(() => {
      throw new Error(`RabbitMQ did not start; its log is in ${join(folder, "log")}`);
    });
    await Promise.race([eventually(() => answers(port), "RabbitMQ answers", BOOT_MS), gone]);
    gone.catch(() => undefined);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (node === undefined || node.exitCode !== null || node.signalCode !== null) return;
    const exited = once(node, "exit");
    process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), signal);
    await exited;
  };
  const stop = async (): Promise<void> => {
    await end("SIGKILL");
    epmd.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (thrown) {
    node?.kill("SIGKILL");
    epmd.kill("SIGKILL");
    throw thrown;
  }
  return { url: `amqp://guest:guest@127.0.0.1:${port}`, kill9: () => end("SIGKILL"), restart: start, stop };
}
