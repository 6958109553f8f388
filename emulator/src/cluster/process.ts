/**
 * The cluster as a process of its own. Environment: KUBECONFIG (a file), CLUSTER_DATA_DIR, and optionally CLUSTER_HOSTS
 * (JSON), CLUSTER_PARTS (`controllers,kubelets`), CLUSTER_TUNING (JSON, milliseconds), CLUSTER_KEEP_PODS=1. Prints one JSON
 * line when it is ready; SIGTERM and SIGINT end it in good order.
 */
import { readFile } from "node:fs/promises";
import { pino } from "pino";
import { startCluster, type ClusterPart } from "./cluster.ts";
import { DEFAULT_HOSTS, type HostDescription } from "./hosts.ts";
import type { ClusterTuning } from "./tuning.ts";

const { env } = process;
const log = pino({ name: "cluster", level: env["LOG_LEVEL"] ?? "info" }, pino.destination(2));

function required(name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

const hosts =
  env["CLUSTER_HOSTS"] === undefined ? DEFAULT_HOSTS : (JSON.parse(env["CLUSTER_HOSTS"]) as readonly HostDescription[]);
const cluster = await startCluster({
  kubeconfig: await readFile(required("KUBECONFIG"), "utf8"),
  dataDir: required("CLUSTER_DATA_DIR"),
  hosts,
  log,
  keepPods: env["CLUSTER_KEEP_PODS"] === "1",
  ...(env["CLUSTER_PARTS"] === undefined ? {} : { parts: env["CLUSTER_PARTS"].split(",") as ClusterPart[] }),
  ...(env["CLUSTER_TUNING"] === undefined
    ? {}
    : { tuning: JSON.parse(env["CLUSTER_TUNING"]) as Partial<ClusterTuning> }),
});
process.stdout.write(
  `${JSON.stringify({ ready: true, kubeletPort: cluster.kubeletPort, hosts: hosts.map((host) => host.name) })}\n`,
);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  cluster.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
