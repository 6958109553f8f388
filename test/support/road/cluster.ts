/**
 * A cluster as a small state machine behind the `Pods` port: the test moves pods and hosts by hand, counts what is asked of it,
 * and may let any call fail before or after it took effect. Changes are kept in order, so that an observation from a version
 * tells what came later, as a watch does.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type {
  Observation,
  ObservedHost,
  ObservedPod,
  ObserveOptions,
  PodManifest,
  Pods,
} from "@shoal/shared/ports/pods.ts";

type Method = "get" | "sentinelUid" | "create" | "delete" | "forget" | "observePods" | "observeHosts";
const WRITES: readonly Method[] = ["create", "delete", "forget"];

/** Stands around each call; `act` is the call itself. */
type Around = <T>(method: Method, act: () => Promise<T>) => Promise<T>;

interface Change<T> {
  readonly version: number;
  readonly name: string;
  readonly value: T | undefined;
}

export interface ScriptedCluster extends Pods {
  readonly pods: Map<string, ObservedPod>;
  readonly hosts: Map<string, ObservedHost>;
  readonly manifests: PodManifest[];
  /** Names that were told to go, with the uid that guarded it. */
  readonly deletions: (readonly [name: string, uid: string | undefined])[];
  readonly calls: Record<Method, number>;
  /** Calls that change something. */
  writes(): number;
  /** Changes a pod or makes one; undefined removes it. `at` is its name, in the namespace `apps`. */
  set(at: string, change: Partial<ObservedPod> | undefined): void;
  setHost(name: string, change: Partial<ObservedHost> | undefined): void;
  /** What was changed so far is known to nobody any more: an older version gets everything. */
  compact(): void;
  around: Around;
  /** Pods become ready when they are made, and are gone as soon as they are told to go. */
  quick: boolean;
  /** Refuses creations with this. */
  refusal: ShoalError | undefined;
}

export const NAMESPACE = "apps";

export const hostOf = (name: string, change: Partial<ObservedHost> = {}): ObservedHost => ({
  name,
  uid: `uid-${name}`,
  ready: true,
  readyChangedAt: undefined,
  cordoned: false,
  zone: "zone-a",
  labels: { "workload-type": "application" },
  taints: [],
  cpuMilli: 4000,
  memoryMiB: 8192,
  pods: 110,
  gpu: 0,
  ...change,
});

const blankPod = (name: string): ObservedPod => ({
  name,
  namespace: NAMESPACE,
  uid: `uid-${name}`,
  processorId: "prc-unknown",
  epoch: 1,
  specHash: "",
  phase: "Running",
  ready: true,
  deleting: false,
  restarts: 0,
  reason: "",
  message: "",
  podIp: "127.9.0.1",
  hostName: undefined,
});

export function scriptedCluster(): ScriptedCluster {
  let version = 1;
  let oldest = 0;
  let uids = 0;
  const podChanges: Change<ObservedPod>[] = [];
  const hostChanges: Change<ObservedHost>[] = [];
  const calls = { get: 0, sentinelUid: 0, create: 0, delete: 0, forget: 0, observePods: 0, observeHosts: 0 };
  const call = <T>(method: Method, act: () => T): Promise<T> => {
    calls[method] += 1;
    return cluster.around(method, () => Promise.resolve().then(act));
  };
  const keep = (pod: ObservedPod): ObservedPod => {
    const key = `${pod.namespace}/${pod.name}`;
    cluster.pods.set(key, pod);
    podChanges.push({ version: ++version, name: key, value: pod });
    return pod;
  };
  const drop = (key: string): void => {
    if (cluster.pods.delete(key)) podChanges.push({ version: ++version, name: key, value: undefined });
  };
  const make = (manifest: PodManifest): ObservedPod => {
    const spec = manifest.object["spec"] as { readonly nodeName?: string };
    cluster.manifests.push(manifest);
    return keep({
      ...blankPod(manifest.name),
      namespace: manifest.namespace,
      uid: `uid-${++uids}`,
      processorId: manifest.processorId,
      epoch: manifest.epoch,
      specHash: manifest.specHash,
      hostName: spec.nodeName,
      ...(cluster.quick ? {} : { phase: "Pending" as const, ready: false, podIp: undefined }),
    });
  };

  const cluster: ScriptedCluster = {
    pods: new Map(),
    hosts: new Map(),
    manifests: [],
    deletions: [],
    calls,
    quick: true,
    refusal: undefined,
    around: (_, act) => act(),
    writes: () => WRITES.reduce((sum, method) => sum + calls[method], 0),
    set: (at, change) => {
      const key = `${NAMESPACE}/${at}`;
      if (change === undefined) drop(key);
      else keep({ ...(cluster.pods.get(key) ?? blankPod(at)), ...change });
    },
    setHost: (name, change) => {
      if (change === undefined) cluster.hosts.delete(name);
      else cluster.hosts.set(name, { ...(cluster.hosts.get(name) ?? hostOf(name)), ...change });
      hostChanges.push({ version: ++version, name, value: cluster.hosts.get(name) });
    },
    compact: () => {
      oldest = version;
      podChanges.length = 0;
      hostChanges.length = 0;
    },
    observePods: (options) => call("observePods", () => observed(options, cluster.pods, podChanges)),
    observeHosts: (options) => call("observeHosts", () => observed(options, cluster.hosts, hostChanges)),
    get: (namespace, name) => call("get", () => cluster.pods.get(`${namespace}/${name}`)),
    sentinelUid: () => call("sentinelUid", () => "sentinel-uid"),
    create: (manifest) =>
      call("create", () => {
        if (cluster.refusal !== undefined) throw cluster.refusal;
        const there = cluster.pods.get(`${manifest.namespace}/${manifest.name}`);
        if (there === undefined) return { created: true, pod: make(manifest) };
        if (there.processorId !== manifest.processorId || there.epoch !== manifest.epoch)
          throw new ShoalError("conflict", `the name ${manifest.name} is taken`);
        return { created: false, pod: there };
      }),
    delete: (namespace, name, { uid }) =>
      call("delete", () => {
        const key = `${namespace}/${name}`;
        cluster.deletions.push([name, uid]);
        const pod = cluster.pods.get(key);
        if (pod === undefined) return "gone";
        // The name is another pod's by now, so the one that was meant is gone.
        if (uid !== undefined && uid !== pod.uid) return "gone";
        if (cluster.quick) drop(key);
        else keep({ ...pod, deleting: true });
        return "deleting";
      }),
    forget: () => call("forget", () => undefined),
    logs: () => Promise.reject(new ShoalError("not_found", "no logs here")),
  };

  function observed<T>(
    { since }: ObserveOptions,
    all: ReadonlyMap<string, T>,
    changes: readonly Change<T>[],
  ): Observation<T> {
    const resourceVersion = String(version);
    if (since === undefined || Number(since) < oldest)
      return { complete: true, changed: [...all.values()], gone: [], resourceVersion };
    const latest = new Map<string, T | undefined>();
    for (let i = changes.length - 1; (changes[i]?.version ?? 0) > Number(since); i--) {
      const { name, value } = changes[i] as Change<T>;
      if (!latest.has(name)) latest.set(name, value);
    }
    return {
      complete: false,
      changed: [...latest.values()].filter((value) => value !== undefined),
      gone: [...latest].filter(([, value]) => value === undefined).map(([name]) => name),
      resourceVersion,
    };
  }
  return cluster;
}
