/**
 * The Kubernetes API as a process of its own. Environment: KUBERNETES_DATA_DIR, and optionally KUBERNETES_HOST (a loopback
 * address, default 127.0.0.1) and KUBERNETES_PORT (default 6443). Prints one JSON line when it is ready; SIGTERM and SIGINT
 * end it in good order, and a kill loses nothing that was answered.
 */
import { enableCompileCache } from "node:module";

// Stripping the types off all sources costs 15 MB that are never given back (112 against 97 MB resident): from the second
// start on it is done for this file only. NODE_COMPILE_CACHE in the environment spares even that (83 MB).
enableCompileCache();
const { pino } = await import("pino");
const { systemClock } = await import("@shoal/shared/system/clock.ts");
const { startKubernetesApi } = await import("./index.ts");

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
