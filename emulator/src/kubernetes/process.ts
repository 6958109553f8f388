/**
 * The Kubernetes API as a process of its own. Environment: KUBERNETES_DATA_DIR, and optionally KUBERNETES_HOST (a loopback
 * address, default 127.0.0.1) and KUBERNETES_PORT (default 6443). Prints one JSON line when it is ready; SIGTERM and SIGINT
 * end it in good order, and a kill loses nothing that was answered.
 */
import { pino } from "pino";
import { systemClock } from "@shoal/functions/adapters/system/clock.ts";
import { startKubernetesApi } from "./index.ts";

const { env } = process;
const log = pino({ name: "kubernetes", level: env["LOG_LEVEL"] ?? "info" }, pino.destination(2));
const dataDir = env["KUBERNETES_DATA_DIR"];
if (dataDir === undefined || dataDir === "") throw new Error("KUBERNETES_DATA_DIR is not set");
const api = await startKubernetesApi({
  host: env["KUBERNETES_HOST"] ?? "127.0.0.1",
  port: Number(env["KUBERNETES_PORT"] ?? 6443),
  dataDir,
  log,
  clock: systemClock,
});
process.stdout.write(`${JSON.stringify({ ready: true, url: api.url, kubeconfig: api.kubeconfigPath })}\n`);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  api.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
