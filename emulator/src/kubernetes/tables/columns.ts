/** The columns of each kind, as `kubectl get` shows them; those with priority 1 only with `-o wide`. */
import { fieldsAt, listAt, numberAt, textAt, wordAt, type ApiObject } from "../object.ts";
import { ageOf } from "./age.ts";
import { NODE_COLUMNS } from "./node.ts";
import { POD_COLUMNS } from "./pod.ts";

export interface Column {
  readonly name: string;
  readonly wide?: boolean;
  readonly type?: "string" | "integer";
  readonly cell: (object: ApiObject, now: number) => string | number;
}

const NAME: Column = { name: "Name", cell: (object) => object.metadata.name };
export const AGE: Column = { name: "Age", cell: (object, now) => ageOf(object.metadata.creationTimestamp, now) };

const count = (field: string) => (object: ApiObject) => Object.keys(fieldsAt(object, field)).length;
const text =
  (...path: string[]) =>
  (object: ApiObject) =>
    wordAt(object, ...path) ?? "";
const number =
  (...path: string[]) =>
  (object: ApiObject) =>
    numberAt(object, ...path) ?? 0;
const amount = (field: string) => (object: ApiObject) => wordAt(object, "spec", field) ?? "N/A";
const ready = (object: ApiObject): string => {
  const found = listAt(object, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  return textAt(found, "status") ?? "";
};

const EVENT_COLUMNS: readonly Column[] = [
  { name: "Last Seen", cell: (event, now) => ageOf(lastSeen(event), now) },
  { name: "Type", cell: text("type") },
  { name: "Reason", cell: text("reason") },
  {
    name: "Object",
    cell: (event) => `${text("involvedObject", "kind")(event).toLowerCase()}/${text("involvedObject", "name")(event)}`,
  },
  { name: "Subobject", wide: true, cell: text("involvedObject", "fieldPath") },
  {
    name: "Source",
    wide: true,
    cell: (event) =>
      [text("source", "component")(event), text("source", "host")(event)].filter((one) => one !== "").join(", "),
  },
  { name: "Message", cell: (event) => text("message")(event).trim() },
  {
    name: "First Seen",
    wide: true,
    cell: (event, now) => ageOf(textAt(event, "firstTimestamp") ?? textAt(event, "eventTime"), now),
  },
  { name: "Count", wide: true, type: "integer", cell: number("count") },
  { name: "Name", wide: true, cell: (event) => event.metadata.name },
];

function lastSeen(event: ApiObject): string | undefined {
  return textAt(event, "series", "lastObservedTime") ?? textAt(event, "lastTimestamp") ?? textAt(event, "eventTime");
}

const BY_KIND: Readonly<Record<string, readonly Column[]>> = {
  Pod: [NAME, ...POD_COLUMNS],
  Node: [NAME, ...NODE_COLUMNS],
  Event: EVENT_COLUMNS,
  Namespace: [NAME, { name: "Status", cell: text("status", "phase") }, AGE],
  ConfigMap: [
    NAME,
    { name: "Data", type: "integer", cell: (object) => count("data")(object) + count("binaryData")(object) },
    AGE,
  ],
  Secret: [NAME, { name: "Type", cell: text("type") }, { name: "Data", type: "integer", cell: count("data") }, AGE],
  ServiceAccount: [NAME, { name: "Secrets", type: "integer", cell: (object) => listAt(object, "secrets").length }, AGE],
  Lease: [NAME, { name: "Holder", cell: text("spec", "holderIdentity") }, AGE],
  PodDisruptionBudget: [
    NAME,
    { name: "Min Available", cell: amount("minAvailable") },
    { name: "Max Unavailable", cell: amount("maxUnavailable") },
    { name: "Allowed Disruptions", type: "integer", cell: number("status", "disruptionsAllowed") },
    AGE,
  ],
  DaemonSet: [
    NAME,
    { name: "Desired", type: "integer", cell: number("status", "desiredNumberScheduled") },
    { name: "Current", type: "integer", cell: number("status", "currentNumberScheduled") },
    { name: "Ready", type: "integer", cell: number("status", "numberReady") },
    { name: "Up-to-date", type: "integer", cell: number("status", "updatedNumberScheduled") },
    { name: "Available", type: "integer", cell: number("status", "numberAvailable") },
    AGE,
  ],
  NodePool: [
    NAME,
    { name: "NodeClass", cell: text("spec", "template", "spec", "nodeClassRef", "name") },
    { name: "Nodes", cell: text("status", "resources", "nodes") },
    { name: "Ready", cell: ready },
    AGE,
  ],
  NodeClaim: [
    NAME,
    { name: "Type", cell: (claim) => claim.metadata.labels?.["node.kubernetes.io/instance-type"] ?? "" },
    { name: "Capacity", cell: (claim) => claim.metadata.labels?.["karpenter.sh/capacity-type"] ?? "" },
    { name: "Zone", cell: (claim) => claim.metadata.labels?.["topology.kubernetes.io/zone"] ?? "" },
    { name: "Node", cell: text("status", "nodeName") },
    { name: "Ready", cell: ready },
    AGE,
  ],
  EC2NodeClass: [NAME, { name: "Ready", cell: ready }, AGE],
};

export function columnsOf(kind: string): readonly Column[] {
  return BY_KIND[kind] ?? [NAME, AGE];
}
