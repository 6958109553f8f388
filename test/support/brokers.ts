/**
 * One suite, two brokers: the embedded one always, as a process of its own; RabbitMQ where `rabbitmq-server` is installed
 * or `SHOAL_TEST_AMQP_URL` names one that is running (which then is not killed).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { isRabbitMqInstalled, startRabbitMq, type RabbitMq } from "./rabbitmq.ts";

export interface TestBroker {
  readonly kind: "embedded" | "rabbitmq";
  /** Whether `kill9` and `restart` can be had. */
  readonly killable: boolean;
  /** `amqp://user:password@host:port`; stays the same through a restart. */
  readonly url: string;
  start(): Promise<void>;
  kill9(): Promise<void>;
  /** After `kill9`: the same port, the same data. */
  restart(): Promise<void>;
  /** Removes its data too. */
  stop(): Promise<void>;
}

/** A name that no other test of the same broker uses. */
export const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

const ENTRY = fileURLToPath(new URL("../../emulator/src/bus/process.ts", import.meta.url));

/** The embedded broker as a process. `limits`: named limits to lower, as JSON. */
export function embeddedBroker(limits: Readonly<Record<string, number>> = {}): TestBroker & { readonly pid: number } {
  let folder: string | undefined;
  let child: ChildProcess | undefined;
  let [port, url] = [0, ""];
  const start = async (): Promise<void> => {
    folder ??= mkdtempSync(join(tmpdir(), "shoal-bus-"));
    child = spawn(process.execPath, [ENTRY], {
      env: {
        PATH: process.env["PATH"],
        LOG_LEVEL: "error",
        BUS_DATA_DIR: folder,
        BUS_PORT: String(port),
        BUS_USERS: JSON.stringify({ guest: "guest" }),
        BUS_LIMITS: JSON.stringify(limits),
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([
      once(lines, "line"),
      once(child, "exit").then(() => {
        throw new Error("the embedded broker did not start");
      }),
    ])) as [string];
    ({ port, url } = JSON.parse(line) as { port: number; url: string });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  return {
    kind: "embedded",
    killable: true,
    get url() {
      return url;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill9: () => end("SIGKILL"),
    restart: start,
    stop: async () => {
      await end("SIGTERM");
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function rabbitMqBroker(): TestBroker {
  let node: RabbitMq | undefined;
  return {
    kind: "rabbitmq",
    killable: true,
    get url() {
      return node?.url ?? "";
    },
    start: async () => {
      node = await startRabbitMq();
    },
    kill9: async () => node?.kill9(),
    restart: async () => node?.restart(),
    stop: async () => node?.stop(),
  };
}

function runningBroker(url: string): TestBroker {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error("a broker that was not started here is not killed here"));
  const nothing = (): Promise<void> => Promise.resolve();
  return { kind: "rabbitmq", killable: false, url, start: nothing, kill9: refuse, restart: refuse, stop: nothing };
}

/** Runs `suite` against each broker, which is up before the first test and gone after the last. */
export function describeOnBrokers(name: string, suite: (broker: TestBroker) => void): void {
  const named = process.env["SHOAL_TEST_AMQP_URL"];
  const on = (broker: TestBroker): void => {
    describe(`${name} (${broker.kind})`, () => {
      beforeAll(() => broker.start());
      afterAll(() => broker.stop());
      suite(broker);
    });
  };
  on(embeddedBroker());
  if (named !== undefined && named !== "") on(runningBroker(named));
  else if (isRabbitMqInstalled()) on(rabbitMqBroker());
  else test.skip(`${name} (rabbitmq): rabbitmq-server is not installed and SHOAL_TEST_AMQP_URL is not set`);
}
