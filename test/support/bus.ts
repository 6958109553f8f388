/** An embedded bus in this process, in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBus, type Bus, type BusOptions } from "@shoal/emulator/bus/index.ts";
import { silentLog } from "@shoal/shared/base/log.ts";

export interface TestBus extends Bus {
  readonly dataDir: string;
}

/** `stop` removes the folder, unless it was given. */
export async function startTestBus(options: Partial<BusOptions> = {}): Promise<TestBus> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "shoal-bus-"));
  const clean = (): void => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  const bus = await startBus({
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    users: { guest: "guest" },
    ...options,
    dataDir,
  }).catch((thrown: unknown) => {
    clean();
    throw thrown;
  });
  return Object.defineProperties(
    {
      dataDir,
      stop: async () => {
        await bus.stop();
        clean();
      },
    },
    {
      url: { get: () => bus.url },
      port: { get: () => bus.port },
      faults: { get: () => bus.faults },
      stats: { get: () => bus.stats },
    },
  ) as TestBus;
}
