/**
 * What the control plane itself does about things that are going: empties namespaces, and lets objects go that were deleted
 * in the foreground or to be orphaned. The cluster's garbage collector works in the background mode only. Runs after each
 * change that may matter, over the store, and is idle otherwise.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { deleteObject, FOREGROUND, ORPHAN } from "./deletes.ts";
import { KINDS, kindNamed, type Kind } from "./kinds.ts";
import { fieldsAt, type ApiObject } from "./object.ts";
import type { Change } from "./store.ts";
import { updateObject, type Target, type WriteContext } from "./writes.ts";

const MANAGER = { manager: "kube-controller-manager" };

interface Member {
  readonly kind: Kind;
  readonly object: ApiObject;
}

export function startFinalizers(context: WriteContext, log: Log): { stop(): void } {
  let due = false;
  let stopped = false;
  const run = (): void => {
    due = false;
    if (stopped) return;
    try {
      pass(context);
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, "what is being deleted could not be let go");
    }
  };
  const wake = (change: Change): void => {
    const { now, type } = change;
    if (due || (type !== "DELETED" && now.object.metadata.deletionTimestamp === undefined)) return;
    due = true;
    setImmediate(run);
  };
  const leave = KINDS.map((kind) => context.store.listen(kind.plural, wake));
  // What was under way in a former life goes on.
  run();
  return {
    stop: () => {
      stopped = true;
      for (const one of leave) one();
    },
  };
}

function pass(context: WriteContext): void {
  const going = KINDS.flatMap((kind) => membersOf(context, kind)).filter(
    ({ object }) => object.metadata.deletionTimestamp !== undefined,
  );
  for (const { kind, object } of going) {
    const { finalizers = [] } = object.metadata;
    if (kind.kind === "Namespace") emptyNamespace(context, object);
    if (finalizers.includes(FOREGROUND)) deleteInForeground(context, kind, object);
    if (finalizers.includes(ORPHAN)) orphan(context, kind, object);
  }
}

function membersOf(context: WriteContext, kind: Kind): Member[] {
  return context.store.list(kind.plural).map(({ object }) => ({ kind, object }));
}

function targetOf({ kind, object }: Member): Target {
  return { kind, namespace: object.metadata.namespace, name: object.metadata.name };
}

function emptyNamespace(context: WriteContext, namespace: ApiObject): void {
  const { name } = namespace.metadata;
  const inside = (): Member[] =>
    KINDS.filter((kind) => kind.namespaced)
      .flatMap((kind) => membersOf(context, kind))
      .filter(({ object }) => object.metadata.namespace === name);
  for (const member of inside()) {
    if (member.object.metadata.deletionTimestamp === undefined) deleteObject(context, targetOf(member), {});
  }
  if (inside().length > 0 || !Array.isArray(fieldsAt(namespace, "spec")["finalizers"])) return;
  const target: Target = { kind: kindNamed("Namespace"), namespace: undefined, name };
  const release = (current: ApiObject): ApiObject => ({
    ...current,
    spec: { ...fieldsAt(current, "spec"), finalizers: [] },
  });
  updateObject(context, target, release, { ...MANAGER, whole: true });
}

function dependentsOf(context: WriteContext, uid: string | undefined): Member[] {
  return KINDS.flatMap((kind) => membersOf(context, kind)).filter(({ object }) =>
    (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid),
  );
}

/** The owner goes when nothing is left that blocks it. */
function deleteInForeground(context: WriteContext, kind: Kind, owner: ApiObject): void {
  const { uid } = owner.metadata;
  for (const member of dependentsOf(context, uid)) {
    const others = (member.object.metadata.ownerReferences ?? []).some((one) => one.uid !== uid);
    if (member.object.metadata.deletionTimestamp === undefined && !others) {
      deleteObject(context, targetOf(member), { propagationPolicy: "Foreground" });
    }
  }
  const blocked = dependentsOf(context, uid).some(({ object }) =>
    (object.metadata.ownerReferences ?? []).some((one) => one.uid === uid && one.blockOwnerDeletion === true),
  );
  if (!blocked) letGo(context, kind, owner, FOREGROUND);
}

function orphan(context: WriteContext, kind: Kind, owner: ApiObject): void {
  const { uid } = owner.metadata;
  for (const member of dependentsOf(context, uid)) {
    const forget = (current: ApiObject): ApiObject => {
      const ownerReferences = (current.metadata.ownerReferences ?? []).filter((one) => one.uid !== uid);
      return { ...current, metadata: { ...current.metadata, ownerReferences } };
    };
    updateObject(context, targetOf(member), forget, MANAGER);
  }
  letGo(context, kind, owner, ORPHAN);
}

function letGo(context: WriteContext, kind: Kind, object: ApiObject, finalizer: string): void {
  const release = (current: ApiObject): ApiObject => {
    const finalizers = (current.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    return { ...current, metadata: { ...current.metadata, finalizers } };
  };
  updateObject(context, targetOf({ kind, object }), release, MANAGER);
}
