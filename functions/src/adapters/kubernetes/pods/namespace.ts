/**
 * What a namespace of processors has to have before the first pod: the service account, the secret that pods read, and the
 * sentinel. Each is made where it is missing and mended where it differs. What was found right is not looked at again for a
 * while, unless something says that it is right no more. The namespace itself is only made where the API misses it.
 */
import { SERVICE_ACCOUNT, PROCESSOR_SECRET } from "@shoal/shared/decide/pod-spec.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { KubernetesClient } from "../client.ts";
import { isNotFound } from "../error.ts";
import { NAMESPACES, patchObject, SECRETS, SERVICE_ACCOUNTS } from "../resources.ts";
import { ensureObject } from "./ensure.ts";
import { createSentinels } from "./sentinel.ts";

interface PodSecrets {
  readonly stateToken: Secret;
  readonly rabbitmqUrl: Secret | undefined;
}

interface Namespaces {
  /** Makes the namespace ready for a pod; the uid of its sentinel. */
  sentinelUid(namespace: string): Promise<string>;
  /** Forgets that the namespace was right: something in it is missing. */
  doubt(namespace: string): void;
  /** Looks now, whatever is remembered. */
  mend(namespace: string): Promise<void>;
}

export interface NamespacesInit {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
  readonly secrets: PodSecrets;
}

const RIGHT_FOR = minutes(5);

export function createNamespaces({ client, clock, log, secrets }: NamespacesInit): Namespaces {
  const rightUntil = new Map<string, number>();

  const ensure = async (namespace: string): Promise<void> => {
    if ((rightUntil.get(namespace) ?? 0) > clock.monotonic()) return;
    await ensureObject(client, SERVICE_ACCOUNTS, { metadata: { name: SERVICE_ACCOUNT, namespace } });
    await ensureSecret(client, namespace, secrets);
    rightUntil.set(namespace, clock.monotonic() + RIGHT_FOR);
  };
  const doubt = (namespace: string): void => void rightUntil.delete(namespace);
  // With the sentinel the whole namespace may have gone, whoever made it again.
  const sentinels = createSentinels({ client, clock, log, missing: doubt });

  /** Where a write misses something, it is most often the whole namespace: makes it, and tries once more. */
  const within = async <T>(namespace: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      doubt(namespace);
      await ensureObject(client, NAMESPACES, { metadata: { name: namespace } });
      return await work();
    }
  };

  return {
    sentinelUid: async (namespace) =>
      within(namespace, async () => {
        // First, since a namespace that is going takes nothing new, and only waits for its sentinel to be let go.
        const uid = await sentinels.uid(namespace);
        await ensure(namespace);
        return uid;
      }),
    doubt,
    mend: async (namespace) => {
      doubt(namespace);
      await within(namespace, async () => ensure(namespace));
    },
  };
}

async function ensureSecret(
  client: KubernetesClient,
  namespace: string,
  { stateToken, rabbitmqUrl }: PodSecrets,
): Promise<void> {
  const wanted: Readonly<Record<string, string | undefined>> = {
    "state-token": encoded(stateToken),
    "rabbitmq-url": rabbitmqUrl === undefined ? undefined : encoded(rabbitmqUrl),
  };
  const at = { namespace, name: PROCESSOR_SECRET };
  const data = Object.fromEntries(
    Object.entries(wanted).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const there = await ensureObject(client, SECRETS, { metadata: at, data });
  const wrong = Object.entries(wanted).filter(([key, value]) => there.data?.[key] !== value);
  if (wrong.length === 0) return;
  // In a merge patch null takes a key away; keys that are not ours stay.
  const patch = Object.fromEntries(wrong.map(([key, value]) => [key, value ?? null]));
  await patchObject(client, SECRETS, at, "merge", { data: patch });
}

const encoded = (secret: Secret): string => Buffer.from(secret.reveal()).toString("base64");
