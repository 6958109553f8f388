/**
 * The kinds that the API serves, as data: path, names, sub-resources, and the rules by which a kind differs from the plain
 * case. Discovery, routes, tables and writes all read this list; nothing else names kinds.
 */
import { BUDGET_RULES } from "./rules/budget.ts";
import { CUSTOM_RULES, PLAIN_RULES, type KindRules } from "./rules/rules.ts";
import { EVENT_RULES } from "./rules/event.ts";
import { NAMESPACE_RULES } from "./rules/namespace.ts";
import { NODE_RULES } from "./rules/node.ts";
import { POD_RULES } from "./rules/pod.ts";
import { CONFIG_MAP_RULES, SECRET_RULES } from "./rules/data.ts";
import type { Subject } from "./status.ts";

export interface SubResource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

export interface Kind extends Subject {
  readonly version: string;
  readonly apiVersion: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Its type in the schema; a custom resource has none and takes any field. */
  readonly schema?: string;
  readonly subResources: readonly SubResource[];
  readonly rules: KindRules;
}

const READ_WRITE = ["get", "patch", "update"] as const;
const STATUS = (kind: string): SubResource => ({ name: "status", kind, verbs: READ_WRITE });

interface Described {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly clusterWide?: boolean;
  readonly status?: boolean;
  readonly custom?: boolean;
  readonly subResources?: readonly SubResource[];
  readonly rules?: KindRules;
}

function kindsOf(apiVersion: string, described: readonly Described[]): Kind[] {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return described.map((one) => ({
    group,
    version,
    apiVersion,
    kind: one.kind,
    plural: one.plural,
    singular: one.kind.toLowerCase(),
    shortNames: one.shortNames ?? [],
    namespaced: one.clusterWide !== true,
    ...(one.custom === true ? {} : { schema: one.kind === "Event" ? "CoreV1Event" : `V1${one.kind}` }),
    subResources: [...(one.status === true ? [STATUS(one.kind)] : []), ...(one.subResources ?? [])],
    rules: one.rules ?? (one.custom === true ? CUSTOM_RULES : PLAIN_RULES),
  }));
}

const create = (name: string, kind: string, group?: string, version?: string): SubResource => ({
  name,
  kind,
  verbs: ["create"],
  ...(group === undefined ? {} : { group }),
  ...(version === undefined ? {} : { version }),
});

export const KINDS: readonly Kind[] = [
  ...kindsOf("v1", [
    {
      kind: "Pod",
      plural: "pods",
      shortNames: ["po"],
      status: true,
      rules: POD_RULES,
      subResources: [
        create("binding", "Binding"),
        create("eviction", "Eviction", "policy", "v1"),
        { name: "log", kind: "Pod", verbs: ["get"] },
        { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
      ],
    },
    { kind: "Node", plural: "nodes", shortNames: ["no"], clusterWide: true, status: true, rules: NODE_RULES },
    {
      kind: "Namespace",
      plural: "namespaces",
      shortNames: ["ns"],
      clusterWide: true,
      status: true,
      rules: NAMESPACE_RULES,
      subResources: [{ name: "finalize", kind: "Namespace", verbs: ["update"] }],
    },
    { kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"], rules: CONFIG_MAP_RULES },
    { kind: "Secret", plural: "secrets", rules: SECRET_RULES },
    {
      kind: "ServiceAccount",
      plural: "serviceaccounts",
      shortNames: ["sa"],
      subResources: [create("token", "TokenRequest", "authentication.k8s.io", "v1")],
    },
    { kind: "Event", plural: "events", shortNames: ["ev"], rules: EVENT_RULES },
  ]),
  ...kindsOf("apps/v1", [{ kind: "DaemonSet", plural: "daemonsets", shortNames: ["ds"], status: true }]),
  ...kindsOf("coordination.k8s.io/v1", [{ kind: "Lease", plural: "leases" }]),
  ...kindsOf("policy/v1", [
    {
      kind: "PodDisruptionBudget",
      plural: "poddisruptionbudgets",
      shortNames: ["pdb"],
      status: true,
      rules: BUDGET_RULES,
    },
  ]),
  ...kindsOf("karpenter.sh/v1", [
    { kind: "NodePool", plural: "nodepools", clusterWide: true, status: true, custom: true },
    { kind: "NodeClaim", plural: "nodeclaims", clusterWide: true, status: true, custom: true },
  ]),
  ...kindsOf("karpenter.k8s.aws/v1", [
    {
      kind: "EC2NodeClass",
      plural: "ec2nodeclasses",
      shortNames: ["ec2nc", "ec2ncs"],
      clusterWide: true,
      status: true,
      custom: true,
    },
  ]),
];

const byPath = new Map(KINDS.map((kind) => [`${kind.apiVersion}/${kind.plural}`, kind]));

export function kindAt(apiVersion: string, plural: string): Kind | undefined {
  return byPath.get(`${apiVersion}/${plural}`);
}

/** A kind that is known to exist. */
export function kindNamed(name: string): Kind {
  const found = KINDS.find((kind) => kind.kind === name);
  if (found === undefined) throw new Error(`no kind is called ${name}`);
  return found;
}

export const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;
