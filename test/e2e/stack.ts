/** The whole stack in a folder of its own, as `npm start` brings it up, for tests that walk the road end to end. */
import { createWriteStream } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createClient, type Client } from "@shoal/client/index.ts";
import { parseSettings } from "@shoal/emulator/stack/settings.ts";
import { startStack, type Stack } from "@shoal/emulator/stack/stack.ts";

export interface TestStack {
  readonly stack: Stack;
  readonly client: Client;
  readonly dataDir: string;
  stop(): Promise<void>;
}

export async function startTestStack(): Promise<TestStack> {
  const dataDir = await mkdtemp(join(tmpdir(), "shoal-e2e-"));
  await chmod(dataDir, 0o755); // PostgreSQL runs as another user where we are root
  const log = pino({ level: "info" }, createWriteStream(join(dataDir, "shoal.log")));
  const port = await sixFreePorts();
  const settings = parseSettings({ SHOAL_DATA_DIR: dataDir, SHOAL_PORT: String(port) });
  const stack = await startStack(settings, log, { begun: () => undefined, done: () => undefined });
  const client = createClient({ baseUrl: stack.local.apiUrl, token: stack.local.token, validateAnswers: true });
  return {
    stack,
    client,
    dataDir,
    stop: async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The first of six neighbours that nobody has. */
async function sixFreePorts(): Promise<number> {
  for (let first = 20_000 + (process.pid % 2000) * 10; ; first += 10) {
    const free = await Promise.all(Array.from({ length: 6 }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
