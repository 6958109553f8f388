/**
 * The sentinel of a namespace: the ConfigMap that every processor's pod names as its controller. It is a kill switch, since
 * the garbage collector deletes every pod whose owner is gone. So it carries our finalizer: after a `kubectl delete` it is
 * held, marked as going, and as long as it exists the collector leaves its pods alone (also those made later). Nothing takes
 * that mark away again, so that pods go on naming the held one, and an alarm says so until a person has mended it.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import { SENTINEL_NAME } from "@shoal/shared/decide/pod-spec.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { KubernetesClient } from "../client.ts";
import { KubernetesError } from "../error.ts";
import { CONFIG_MAPS, findObject, NAMESPACES, patchObject } from "../resources.ts";
import type { ConfigMapObject, Metadata } from "../types.ts";
import { ensureObject } from "./ensure.ts";

const FINALIZER = "shoal.dev/controller-ref";
/** Kubernetes' own: while an owner carries it, the collector deletes its dependents first, whoever else holds the owner. */
const FOREGROUND = "foregroundDeletion";
const ALARM_EVERY = minutes(1);

interface SentinelsInit {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
  /** Called before one is made where there is none. */
  readonly missing: (namespace: string) => void;
}

interface Sentinels {
  /** Uid that a new pod may name now. Throws `KubernetesError`, or `unavailable` while its pods would be collected. */
  uid(namespace: string): Promise<string>;
}

export function createSentinels({ client, clock, log, missing }: SentinelsInit): Sentinels {
  const known = new Map<string, string>();
  const quietUntil = new Map<string, number>();

  const alarm = (namespace: string, metadata: Metadata): void => {
    if ((quietUntil.get(namespace) ?? 0) > clock.monotonic()) return;
    quietUntil.set(namespace, clock.monotonic() + ALARM_EVERY);
    const { uid, deletionTimestamp: deletedAt } = metadata;
    log.warn(
      { namespace, uid, deletedAt },
      `${SENTINEL_NAME} was deleted and only its finalizer keeps every pod alive`,
    );
  };
  const note = (namespace: string, uid: string): void => {
    const former = known.get(namespace);
    known.set(namespace, uid);
    if (former !== undefined && former !== uid)
      log.error({ namespace, former, uid }, `${SENTINEL_NAME} is another one: pods that name the former are collected`);
  };

  return {
    uid: async (namespace) => {
      // Read each time: a pod that names a sentinel that is gone is collected within seconds.
      let found = await findObject(client, CONFIG_MAPS, { namespace, name: SENTINEL_NAME });
      if (found === undefined) {
        missing(namespace);
        found = await ensureObject(client, CONFIG_MAPS, sentinelOf(namespace));
      }
      const { metadata } = found;
      const { uid = "", deletionTimestamp, finalizers = [] } = metadata;
      if (deletionTimestamp !== undefined) {
        alarm(namespace, metadata);
        await refuseDoomed(client, namespace, metadata);
      } else if (!finalizers.includes(FINALIZER)) {
        await mend(client, namespace, uid);
      }
      note(namespace, uid);
      return uid;
    },
  };
}

function sentinelOf(namespace: string): ConfigMapObject {
  return {
    metadata: { name: SENTINEL_NAME, namespace, finalizers: [FINALIZER] },
    data: { about: "Every processor's pod names this as its controller: deleting it would delete them all." },
  };
}

/** Somebody else made it, or took the finalizer away. */
async function mend(client: KubernetesClient, namespace: string, uid: string): Promise<void> {
  try {
    // Strategic, so that finalizers of others stay; the uid, so that it is no other's.
    const body = { metadata: { uid, finalizers: [FINALIZER] } };
    await patchObject(client, CONFIG_MAPS, { namespace, name: SENTINEL_NAME }, "strategic", body);
  } catch (thrown) {
    // It was deleted or replaced since it was read: what is there now is for the next call.
    if (!(thrown instanceof KubernetesError) || ![409, 422].includes(thrown.status)) throw thrown;
    throw new ShoalError("unavailable", `${SENTINEL_NAME} of ${namespace} has just changed`, { cause: thrown });
  }
}

/** A held sentinel serves, except where its pods go anyway. */
async function refuseDoomed(client: KubernetesClient, namespace: string, metadata: Metadata): Promise<void> {
  const { finalizers = [], resourceVersion } = metadata;
  if (finalizers.includes(FOREGROUND))
    throw new ShoalError("unavailable", `${SENTINEL_NAME} of ${namespace} is taking its pods with it`);
  const home = await findObject(client, NAMESPACES, { name: namespace });
  if (home?.metadata.deletionTimestamp === undefined) return;
  // There is no way back for a namespace, and ours would be the last finalizer that keeps it from being made anew.
  const body = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => one !== FINALIZER) } };
  await patchObject(client, CONFIG_MAPS, { namespace, name: SENTINEL_NAME }, "merge", body);
  throw new ShoalError("unavailable", `namespace ${namespace} is being deleted`);
}
