/** A processor as a child process, spoken to over HTTP. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { resolve } from "node:path";
import { eventually } from "../../../../support/clock.ts";

export const FIXTURE = resolve(import.meta.dirname, "../fixture-processor.ts");
export const TOKEN = "t0ken";

export interface Child {
  readonly url: string;
  readonly pid: number;
  /** Lines of its output so far. */
  log(): string;
  call(path: string, init?: RequestInit): Promise<Response>;
  /** With the state's token. */
  state(init?: RequestInit): Promise<Response>;
  ready(): Promise<void>;
  /** Sends the signal and returns the exit code; null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exit: Promise<number | null>;
}

const children: (() => void)[] = [];

/** For `afterEach`: nothing outlives a test. */
export function endChildren(): void {
  for (const end of children.splice(0)) end();
}

export async function startChild(main: string, env: Readonly<Record<string, string>>): Promise<Child> {
  const port = await freePort();
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      POD_IP: "127.0.0.1",
      DORY_HEALTH_PORT: String(port),
      DORY_STATE_TOKEN: TOKEN,
      DORY_PROCESSOR_ID: "prc-test",
      DORY_POD_NAME: "test-1",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  const url = `http://127.0.0.1:${port}`;
  const call = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url + path, init);
  return {
    url,
    pid: child.pid ?? 0,
    log: () => output,
    call,
    exit,
    state: (init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${TOKEN}`);
      return call("/state", { ...init, headers });
    },
    ready: async () => {
      await eventually(async () => ((await call("/ready")).ok ? true : undefined), `ready: ${output}`);
    },
    end: (signal) => {
      child.kill(signal);
      return exit;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
