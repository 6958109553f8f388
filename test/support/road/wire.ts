/**
 * The road over an API's wire: production dispatcher, orchestrator and adapter on a real database and a real API. In the
 * kubelet's place stands the least that pods need: what is created on a host is ready at once, and what is told to go ends at
 * once, so that a test waits for nobody.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import {
  createObject,
  deleteObject,
  NODES,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createDispatcher, type Dispatcher } from "@shoal/functions/dispatcher/dispatcher.ts";
import { createOrchestrator, type PassResult } from "@shoal/functions/orchestrator/pass.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { systemClock } from "../clock.ts";
import { around, testKubernetes, type AroundRequest, type TestKubernetes } from "../kubernetes-api.ts";
import { testDatabase, type TestDatabase } from "../postgres.ts";
import type { Worker } from "./between.ts";
import { hurriedClock } from "./clock.ts";
import { recordingQueue } from "./queue.ts";
import { CLUSTER, seedWorld } from "./seed.ts";

export interface WireStage {
  readonly api: TestKubernetes;
  readonly db: TestDatabase;
  readonly database: Worker;
  /** A dispatcher whose adapter is new: it knows of no namespace that it was found right. */
  dispatcher(stand?: AroundRequest): Dispatcher;
  pass(through?: { readonly database?: Worker; readonly stand?: AroundRequest }): Promise<Done>;
  /** Our pods of a namespace. */
  podsIn(namespace: string): Promise<readonly PodObject[]>;
  stop(): Promise<void>;
}

type Done = Extract<PassResult, { kind: "done" }>;

const OURS = "managed-by=dory-orchestrator";
const asItIs: AroundRequest = (_method, _path, act) => act();

export async function setWireStage(): Promise<WireStage> {
  const api = await testKubernetes();
  const db = await testDatabase();
  const database = db.open();
  await seedWorld(db.sql);
  await makeHost(api.client, "host-1");
  const podsOver = (stand: AroundRequest) =>
    createPods({
      client: around(withKubelet(api.client), stand),
      clock: systemClock,
      log: silentLog,
      secrets: { stateToken: new Secret("token"), rabbitmqUrl: undefined },
    });
  const base = { queue: recordingQueue(), random: systemRandom, log: silentLog, clusterId: CLUSTER };
  return {
    api,
    db,
    database,
    dispatcher: (stand = asItIs) =>
      createDispatcher({
        ...base,
        database,
        pods: podsOver(stand),
        clock: hurriedClock(db.sql),
        imagePullSecret: "pull",
      }),
    pass: async ({ database: through = database, stand = asItIs } = {}) => {
      const init = { ...base, database: through, pods: podsOver(stand), clock: systemClock };
      const result = await createOrchestrator(init).pass({ clusterId: CLUSTER, shard: 0 });
      if (result.kind !== "done") throw new Error("another pass is at it");
      return result;
    },
    podsIn: async (namespace) =>
      (await listObjects(api.client, PODS, { namespace, labelSelector: OURS, project: (pod) => pod })).items,
    stop: async () => {
      await db.drop();
      await api.stop();
    },
  };
}

async function makeHost(client: KubernetesClient, name: string): Promise<void> {
  await createObject(client, NODES, { metadata: { name, labels: { "workload-type": "application" } } });
  const room = { cpu: "64", memory: "128Gi", pods: "500" };
  const status = { allocatable: room, capacity: room, conditions: [{ type: "Ready", status: "True" }] };
  await patchObject(client, NODES, { name }, "merge", { status }, { subresource: "status" });
}

function withKubelet(client: KubernetesClient): KubernetesClient {
  const run = async (path: string, { metadata: { name } }: PodObject): Promise<PodObject> => {
    const conditions = [{ type: "Ready", status: "True" }];
    const body = { status: { phase: "Running", podIP: "127.9.0.1", conditions } };
    return client.request<PodObject>("PATCH", `${path}/${name}/status`, {
      body,
      contentType: "application/merge-patch+json",
    });
  };
  const end = async ({ metadata: { namespace, name, uid } }: PodObject): Promise<void> =>
    void (await deleteObject(client, PODS, { namespace, name }, { graceSeconds: 0, uid }));
  return around(client, async (method, path, act) => {
    const answer = await act();
    if (method === "POST" && path.endsWith("/pods")) return (await run(path, answer as PodObject)) as typeof answer;
    const going = (answer as PodObject | undefined)?.metadata?.deletionTimestamp !== undefined;
    if (method === "DELETE" && path.includes("/pods/") && going) await end(answer as PodObject);
    return answer;
  });
}
