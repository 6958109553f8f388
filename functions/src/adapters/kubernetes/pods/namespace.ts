/**
 * What a namespace of processors has to have before the first pod: the service account, the secret that pods read, and the
 * sentinel. Each is made where it is missing and mended where it differs; a namespace that was found right is not looked at
 * again for a while.
 */
import { SENTINEL_NAME, SERVICE_ACCOUNT, PROCESSOR_SECRET } from "@shoal/shared/decide/pod-spec.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { KubernetesClient } from "../client.ts";
import { KubernetesError } from "../error.ts";
import {
  CONFIG_MAPS,
  createObject,
  findObject,
  NAMESPACES,
  patchObject,
  SECRETS,
  SERVICE_ACCOUNTS,
  type Resource,
} from "../resources.ts";
import type { ConfigMapObject, KubernetesObject } from "../types.ts";

export interface PodSecrets {
  readonly stateToken: Secret;
  readonly rabbitmqUrl: Secret | undefined;
}

interface Namespaces {
  /** Uid of the sentinel that is there now, after everything else that a pod needs is there. */
  sentinelUid(namespace: string): Promise<string>;
}

/** Keeps a `kubectl delete` of the sentinel from taking every processor with it: it only goes once we let it go. */
const SENTINEL_FINALIZER = "shoal.dev/controller-ref";
const RIGHT_FOR = minutes(5);

export function createNamespaces(
  client: KubernetesClient,
  clock: Pick<Clock, "monotonic">,
  secrets: PodSecrets,
): Namespaces {
  const rightUntil = new Map<string, number>();

  const ensure = async (namespace: string): Promise<void> => {
    if ((rightUntil.get(namespace) ?? 0) > clock.monotonic()) return;
    await ensureObject(client, NAMESPACES, { metadata: { name: namespace } });
    await ensureObject(client, SERVICE_ACCOUNTS, { metadata: { name: SERVICE_ACCOUNT, namespace } });
    await ensureSecret(client, namespace, secrets);
    rightUntil.set(namespace, clock.monotonic() + RIGHT_FOR);
  };
  const makeSentinel = async (namespace: string): Promise<ConfigMapObject> => {
    // Where it is missing, the namespace may have gone and taken all else with it.
    rightUntil.delete(namespace);
    await ensure(namespace);
    return ensureObject(client, CONFIG_MAPS, sentinelOf(namespace));
  };

  return {
    sentinelUid: async (namespace) => {
      await ensure(namespace);
      const at = { namespace, name: SENTINEL_NAME };
      // Read each time: a pod that names a sentinel that is gone is collected within seconds.
      const sentinel = (await findObject(client, CONFIG_MAPS, at)) ?? (await makeSentinel(namespace));
      if (sentinel.metadata.deletionTimestamp !== undefined)
        throw new KubernetesError({
          status: 503,
          reason: "SentinelGoing",
          message: `ConfigMap ${SENTINEL_NAME} of ${namespace} is being deleted; pods that name it would be collected`,
        });
      return sentinel.metadata.uid ?? "";
    },
  };
}

const sentinelOf = (namespace: string): ConfigMapObject => ({
  metadata: { name: SENTINEL_NAME, namespace, finalizers: [SENTINEL_FINALIZER] },
  data: { about: "Every processor's pod names this as its controller: deleting it would delete them all." },
});

async function ensureSecret(client: KubernetesClient, namespace: string, secrets: PodSecrets): Promise<void> {
  const wanted: Record<string, string> = {
    "state-token": encoded(secrets.stateToken),
    ...(secrets.rabbitmqUrl === undefined ? {} : { "rabbitmq-url": encoded(secrets.rabbitmqUrl) }),
  };
  const at = { namespace, name: PROCESSOR_SECRET };
  const there = await ensureObject(client, SECRETS, { metadata: at, data: wanted });
  const right = Object.entries(wanted).every(([key, value]) => there.data?.[key] === value);
  if (!right) await patchObject(client, SECRETS, at, "merge", { data: wanted });
}

const encoded = (secret: Secret): string => Buffer.from(secret.reveal()).toString("base64");

/** The object as it is; made where it is missing. */
async function ensureObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  object: T,
): Promise<T> {
  const there = await findObject(client, resource, object.metadata);
  if (there !== undefined) return there;
  try {
    return await createObject(client, resource, object);
  } catch (thrown) {
    const other = await findObject(client, resource, object.metadata);
    if (other === undefined) throw thrown;
    return other;
  }
}
