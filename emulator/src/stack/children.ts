/** The parts of a local stack that are processes of their own, kept alive. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keep, type KeepOptions, type Kept } from "../processes/keep.ts";
import type { LocalSecrets } from "./folder.ts";
import type { StackSettings } from "./settings.ts";

const moduleOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

type Base = Pick<KeepOptions, "log" | "clock" | "random">;

/** A child's environment: what Node itself needs, and what it is configured by. */
const childEnv = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  ...env,
});

export interface BusProcess {
  readonly url: string;
  /** Undefined where the bus is somebody else's. */
  readonly kept: Kept<{ readonly url: string }> | undefined;
  stop(): Promise<void>;
}

export async function startBusProcess(settings: StackSettings, secrets: LocalSecrets, base: Base): Promise<BusProcess> {
  if (settings.amqpUrl !== undefined) return { url: settings.amqpUrl, kept: undefined, stop: async () => undefined };
  const kept = await keep<{ readonly url: string }>({
    ...base,
    name: "bus",
    module: moduleOf("../bus/process.ts"),
    says: "line",
    env: childEnv({
      BUS_DATA_DIR: join(settings.dataDir, "bus"),
      BUS_PORT: String(settings.ports.bus),
      BUS_USERS: JSON.stringify({ shoal: secrets.amqpPassword }),
      LOG_LEVEL: settings.logLevel,
    }),
  });
  return { url: kept.ready()?.url ?? "", kept, stop: () => kept.stop() };
}

export type KubernetesProcess = Kept<{ readonly kubeconfig: string }>;

export function startKubernetesProcess(settings: StackSettings, base: Base): Promise<KubernetesProcess> {
  return keep({
    ...base,
    name: "kubernetes",
    module: moduleOf("../kubernetes/process.ts"),
    says: "line",
    env: childEnv({
      KUBERNETES_DATA_DIR: join(settings.dataDir, "kubernetes"),
      KUBERNETES_PORT: String(settings.ports.kubernetes),
      LOG_LEVEL: settings.logLevel,
    }),
  });
}

export function startClusterProcess(
  settings: StackSettings,
  base: Base,
  api: KubernetesProcess,
): Promise<Kept<object>> {
  return keep({
    ...base,
    name: "cluster",
    module: moduleOf("../cluster/process.ts"),
    says: "line",
    // Pods get their grace before they are killed.
    leaveMs: 45_000,
    env: childEnv({
      KUBECONFIG: api.ready()?.kubeconfig ?? "",
      CLUSTER_DATA_DIR: join(settings.dataDir, "cluster"),
      LOG_LEVEL: settings.logLevel,
    }),
  });
}
