/** Kills at random, by a seed: functions, Kubernetes, its cluster, the broker, PostgreSQL, and pods. */
import type { Stack, StackProcess } from "@shoal/emulator/stack/stack.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";
import { podProcesses } from "./processes.ts";
import { pause } from "./pause.ts";

const VICTIMS: readonly (StackProcess | "pod")[] = [
  "work",
  "work",
  "front",
  "kubernetes",
  "cluster",
  "bus",
  "postgres",
  "pod",
  "pod",
  "pod",
];

export interface Killer {
  /** Kills by victim. */
  readonly counts: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** The pauses are long enough for what was killed to come back half-way now and then, and short enough to hit it again. */
const PAUSE_MS = { least: 500, spread: 4000 };

export function startKiller(stack: Stack, dataDir: string, random: Random, say: (text: string) => void): Killer {
  const counts: Record<string, number> = {};
  const stopping = new AbortController();

  const kill = async (victim: StackProcess | "pod"): Promise<void> => {
    if (victim !== "pod") return stack.kill9(victim);
    const pods = await podProcesses(dataDir);
    const chosen = pods[below(random, Math.max(1, pods.length))];
    if (chosen === undefined) return;
    try {
      process.kill(chosen.pid, "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await pause(PAUSE_MS.least + random.next() * PAUSE_MS.spread, stopping.signal);
      if (stopping.signal.aborted) return;
      const victim = VICTIMS[below(random, VICTIMS.length)] ?? "pod";
      counts[victim] = (counts[victim] ?? 0) + 1;
      await kill(victim).catch((thrown: unknown) => say(`kill ${victim}: ${String(thrown)}`));
    }
  };
  const running = run();
  return {
    counts,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
