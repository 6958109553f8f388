/** Where a pod's kubelet answers, and which container is meant. */
import { kindNamed } from "../kinds.ts";
import { listAt, numberAt, textAt, type ApiObject } from "../object.ts";
import { ApiFailure, badRequest } from "../status.ts";
import { stored, type Target, type WriteContext } from "../writes.ts";

export interface KubeletAt {
  readonly host: string;
  readonly port: number;
  readonly pod: ApiObject;
  readonly container: string;
}

export function kubeletOf(context: WriteContext, target: Target, query: URLSearchParams): KubeletAt {
  const { object: pod } = stored(context, target);
  const container = containerOf(pod, query.get("container") ?? "");
  const nodeName = textAt(pod, "spec", "nodeName") ?? "";
  if (nodeName === "") throw badRequest(`pod ${target.name} does not have a host assigned`);
  const { object: node } = stored(context, { kind: kindNamed("Node"), namespace: undefined, name: nodeName });
  const addresses = listAt(node, "status", "addresses");
  const host = textAt(
    addresses.find((one) => textAt(one, "type") === "InternalIP"),
    "address",
  );
  const port = numberAt(node, "status", "daemonEndpoints", "kubeletEndpoint", "Port");
  if (host === undefined || port === undefined) {
    throw new ApiFailure(500, "InternalError", `node ${nodeName} names no address of its kubelet`);
  }
  return { host, port, pod, container };
}

function containerOf(pod: ApiObject, asked: string): string {
  const names = [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")].map(
    (one) => textAt(one, "name") ?? "",
  );
  const { name } = pod.metadata;
  if (asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [first] = names;
  if (first !== undefined && names.length === 1) return first;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(" ")}]`);
}

/** The kubelet could not be reached: its host is dead, or its process. */
export function unreachable(at: KubeletAt, thrown: unknown): ApiFailure {
  const why = thrown instanceof Error ? thrown.message : "no answer";
  return new ApiFailure(
    500,
    "InternalError",
    `the kubelet at ${at.host}:${at.port} cannot be reached: ${why}`,
    undefined,
    thrown,
  );
}
