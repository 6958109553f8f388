/**
 * Who is owned by whom, by uid. Pure bookkeeping: it says which objects have to be looked at, never what to do about them.
 * An owner that was never seen is as absent as one that is gone, which is how a pod that names a sentinel's former uid
 * becomes garbage.
 */
import type { KubernetesObject, OwnerReference } from "@shoal/functions/adapters/kubernetes/types.ts";

export interface GraphNode {
  /** Unique over all kinds: `kind/namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly owners: readonly OwnerReference[];
}

export interface OwnerGraph {
  /** Returns whether the object has to be looked at: it has owners, and not all of them are here. */
  put(node: GraphNode): boolean;
  /** Returns the keys of the objects that named it as an owner. */
  remove(key: string): readonly string[];
  has(uid: string): boolean;
  get(key: string): GraphNode | undefined;
  /** Keys of everything that names an owner which is not here: after the first complete lists. */
  suspects(): readonly string[];
}

export function ownerGraph(): OwnerGraph {
  const nodes = new Map<string, GraphNode>();
  const present = new Map<string, string>();
  const dependents = new Map<string, Set<string>>();

  const unlink = (node: GraphNode): void => {
    for (const owner of node.owners) {
      const set = dependents.get(owner.uid);
      set?.delete(node.key);
      if (set?.size === 0) dependents.delete(owner.uid);
    }
  };
  const isSuspect = (node: GraphNode): boolean => node.owners.some((owner) => !present.has(owner.uid));
  return {
    put: (node) => {
      const before = nodes.get(node.key);
      if (before !== undefined) unlink(before);
      nodes.set(node.key, node);
      present.set(node.uid, node.key);
      for (const owner of node.owners) {
        const set = dependents.get(owner.uid) ?? new Set();
        set.add(node.key);
        dependents.set(owner.uid, set);
      }
      return isSuspect(node);
    },
    remove: (key) => {
      const node = nodes.get(key);
      if (node === undefined) return [];
      unlink(node);
      nodes.delete(key);
      present.delete(node.uid);
      return [...(dependents.get(node.uid) ?? [])];
    },
    has: (uid) => present.has(uid),
    get: (key) => nodes.get(key),
    suspects: () => [...nodes.values()].filter(isSuspect).map((node) => node.key),
  };
}

export function graphNode(kind: string, object: KubernetesObject): GraphNode {
  const { namespace = "", name, uid = "", ownerReferences = [] } = object.metadata;
  return { key: `${kind}/${namespace}/${name}`, uid, owners: ownerReferences };
}

/** What the live answers about the owners mean for their dependent. First match wins. */
export type Verdict =
  | { readonly then: "keep" }
  /** Some owners are gone, some are not: forget the gone ones. */
  | { readonly then: "unlink"; readonly owners: readonly OwnerReference[] }
  | { readonly then: "delete" };

export function verdict(
  owners: readonly { readonly owner: OwnerReference; readonly live: "present" | "absent" | "unknown" }[],
): Verdict {
  const absent = owners.filter((one) => one.live === "absent");
  // An owner of a kind that we cannot ask about may well exist: never delete on ignorance.
  if (owners.some((one) => one.live === "unknown")) return { then: "keep" };
  if (absent.length === 0) return { then: "keep" };
  if (absent.length === owners.length) return { then: "delete" };
  return { then: "unlink", owners: absent.map((one) => one.owner) };
}
