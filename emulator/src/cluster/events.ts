/**
 * Says what happened to an object, as Event objects. The same sentence about the same object counts up instead of making
 * another object. An event that cannot be written is dropped: events inform people, nothing depends on them.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { createObject, EVENTS, patchObject } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { KubernetesObject, ObjectReference } from "@shoal/functions/adapters/kubernetes/types.ts";
import { toIso } from "@shoal/shared/base/time.ts";

export interface EventRecorder {
  normal(about: EventSubject, reason: string, message: string): void;
  warning(about: EventSubject, reason: string, message: string): void;
}

export interface EventSubject {
  readonly kind: string;
  readonly object: KubernetesObject;
  /** e.g. `spec.containers{main}`. */
  readonly fieldPath?: string;
}

const REMEMBERED = 1_000;

export function eventRecorder(client: KubernetesClient, component: string, host?: string): EventRecorder {
  const counts = new Map<string, { readonly name: string; count: number }>();
  let chain = Promise.resolve();

  const write = async (type: "Normal" | "Warning", about: EventSubject, reason: string, message: string) => {
    const now = toIso(client.clock.now()).replace(/\.\d+Z$/, "Z");
    const { metadata } = about.object;
    const namespace = metadata.namespace ?? "default";
    const key = JSON.stringify([metadata.uid, about.fieldPath, reason, message]);
    const known = counts.get(key);
    if (known !== undefined) {
      known.count++;
      await patchObject(client, EVENTS, { namespace, name: known.name }, "merge", {
        count: known.count,
        lastTimestamp: now,
      });
      return;
    }
    const name = `${metadata.name}.${Math.floor(client.random.next() * 2 ** 48).toString(16)}`;
    if (counts.size >= REMEMBERED) counts.delete(counts.keys().next().value ?? "");
    counts.set(key, { name, count: 1 });
    await createObject(client, EVENTS, {
      metadata: { name, namespace },
      involvedObject: referenceTo(about),
      type,
      reason,
      message: message.slice(0, 1024),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? component,
    });
  };
  const record = (type: "Normal" | "Warning") => (about: EventSubject, reason: string, message: string) => {
    chain = chain.then(async () => write(type, about, reason, message)).catch(() => undefined);
  };
  return { normal: record("Normal"), warning: record("Warning") };
}

function referenceTo(about: EventSubject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = about.object.metadata;
  return {
    apiVersion: "v1",
    kind: about.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(about.fieldPath === undefined ? {} : { fieldPath: about.fieldPath }),
  };
}
