/** Deleting: preconditions, grace, finalizers, and what is asked of the garbage collector by them. */
import { fieldsAt, keyFor, sameJson, timeText, type ApiObject } from "./object.ts";
import { conflict } from "./status.ts";
import type { Stored } from "./store.ts";
import { isFreed, stored, type Target, type WriteContext } from "./writes.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** Held by an object that waits for what it owns to go first, or to be let go. */
export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

export interface Deleted {
  readonly stored: Stored;
  /** It no longer exists; otherwise it has been told to go. */
  readonly gone: boolean;
}

export function deleteObject(context: WriteContext, target: Target, options: DeleteOptions): Deleted {
  const { kind, name } = target;
  const before = stored(context, target);
  refuseOthers(target, before.object, options);
  const object = structuredClone(before.object);
  askCollector(object, options.propagationPolicy);
  const grace = kind.rules.grace?.(object, options.gracePeriodSeconds) ?? 0;
  markDeleted(object, grace, context.clock.now());
  if (kind.kind === "Namespace") object["status"] = { ...fieldsAt(object, "status"), phase: "Terminating" };
  if (options.dryRun === true) return { stored: before, gone: isFreed(object) };
  if (isFreed(object)) {
    // Where grace is a thing, even none of it is announced before the end.
    if (kind.rules.grace !== undefined && !sameJson(object, before.object)) context.store.put(kind.plural, object);
    return { stored: context.store.remove(kind.plural, keyFor(target.namespace, name)) ?? before, gone: true };
  }
  return { stored: sameJson(object, before.object) ? before : context.store.put(kind.plural, object), gone: false };
}

function refuseOthers({ kind, name }: Target, object: ApiObject, { preconditions = {} }: DeleteOptions): void {
  const { uid, resourceVersion } = object.metadata;
  if (preconditions.uid !== undefined && preconditions.uid !== uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const versions = `ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(kind, name, `Precondition failed: ${versions}`);
  }
}

function askCollector(object: ApiObject, policy: DeleteOptions["propagationPolicy"]): void {
  if (policy === undefined) return;
  const kept = (object.metadata.finalizers ?? []).filter((one) => one !== FOREGROUND && one !== ORPHAN);
  if (policy === "Foreground") kept.push(FOREGROUND);
  if (policy === "Orphan") kept.push(ORPHAN);
  if (kept.length === 0) delete object.metadata.finalizers;
  else object.metadata.finalizers = kept;
}

/** A second delete can only leave less time, never more. */
function markDeleted(object: ApiObject, grace: number, now: number): void {
  const { metadata } = object;
  const left = metadata.deletionGracePeriodSeconds ?? 0;
  if (metadata.deletionTimestamp !== undefined && grace >= left) return;
  const start = metadata.deletionTimestamp === undefined ? now : Date.parse(metadata.deletionTimestamp) - left * 1000;
  metadata.deletionTimestamp = timeText(start + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
}
