/** Columns of `kubectl get nodes`. */
import { listAt, textAt, valueAt, type ApiObject } from "../object.ts";
import { ageOf } from "./age.ts";
import type { Column } from "./columns.ts";

const ROLE = "node-role.kubernetes.io/";
const info = (field: string) => (node: ApiObject) => textAt(node, "status", "nodeInfo", field) ?? "<unknown>";
const address = (type: string) => (node: ApiObject) =>
  textAt(
    listAt(node, "status", "addresses").find((one) => textAt(one, "type") === type),
    "address",
  ) ?? "<none>";

export const NODE_COLUMNS: readonly Column[] = [
  { name: "Status", cell: statusWord },
  { name: "Roles", cell: roles },
  { name: "Age", cell: (node, now) => ageOf(node.metadata.creationTimestamp, now) },
  { name: "Version", cell: (node) => textAt(node, "status", "nodeInfo", "kubeletVersion") ?? "" },
  { name: "Internal-IP", wide: true, cell: address("InternalIP") },
  { name: "External-IP", wide: true, cell: address("ExternalIP") },
  { name: "OS-Image", wide: true, cell: info("osImage") },
  { name: "Kernel-Version", wide: true, cell: info("kernelVersion") },
  { name: "Container-Runtime", wide: true, cell: info("containerRuntimeVersion") },
];

function statusWord(node: ApiObject): string {
  const ready = listAt(node, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  const status = textAt(ready, "status");
  const word = status === undefined ? "Unknown" : status === "True" ? "Ready" : "NotReady";
  return valueAt(node, "spec", "unschedulable") === true ? `${word},SchedulingDisabled` : word;
}

function roles(node: ApiObject): string {
  const names = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE) && key.length > ROLE.length) return [key.slice(ROLE.length)];
    return key === "kubernetes.io/role" && value !== "" ? [value] : [];
  });
  return names.length === 0 ? "<none>" : names.sort().join(",");
}
