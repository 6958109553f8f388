/** What the API fills into a pod that its author left out, admission's share (tolerations, priority) included. */
import { fieldsAt, isFields, listAt, textAt, wordOf, type ApiObject, type Fields } from "../object.ts";

/** Taints that every pod tolerates for a while, unless it says otherwise. */
const TOLERATED = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const TOLERATED_SECONDS = 300;

export function podDefaults(pod: ApiObject): void {
  const spec = pod["spec"];
  if (!isFields(spec)) return;
  spec["restartPolicy"] ??= "Always";
  spec["terminationGracePeriodSeconds"] ??= 30;
  spec["dnsPolicy"] ??= "ClusterFirst";
  spec["schedulerName"] ??= "default-scheduler";
  spec["securityContext"] ??= {};
  spec["serviceAccountName"] ??= "default";
  spec["serviceAccount"] ??= spec["serviceAccountName"];
  spec["enableServiceLinks"] ??= true;
  spec["priority"] ??= 0;
  spec["preemptionPolicy"] ??= "PreemptLowerPriority";
  const tolerations = Array.isArray(spec["tolerations"]) ? (spec["tolerations"] as unknown[]) : [];
  spec["tolerations"] = [...tolerations, ...TOLERATED.filter((key) => !tolerates(tolerations, key)).map(toleration)];
  for (const list of ["containers", "initContainers"]) {
    for (const container of listAt(spec, list)) if (isFields(container)) containerDefaults(container);
  }
}

function toleration(key: string): Fields {
  return { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: TOLERATED_SECONDS };
}

function tolerates(tolerations: readonly unknown[], key: string): boolean {
  return tolerations.some((one) => {
    const asked = textAt(one, "key") ?? "";
    const effect = textAt(one, "effect") ?? "";
    return (asked === key || asked === "") && (effect === "" || effect === "NoExecute");
  });
}

function containerDefaults(container: Fields): void {
  const image = textAt(container, "image") ?? "";
  container["terminationMessagePath"] ??= "/dev/termination-log";
  container["terminationMessagePolicy"] ??= "File";
  container["imagePullPolicy"] ??= isLatest(image) ? "Always" : "IfNotPresent";
  container["resources"] ??= {};
  const limits = fieldsAt(container, "resources", "limits");
  const resources = container["resources"];
  if (isFields(resources) && Object.keys(limits).length > 0) {
    resources["requests"] = { ...limits, ...fieldsAt(resources, "requests") };
  }
  for (const port of listAt(container, "ports")) if (isFields(port)) port["protocol"] ??= "TCP";
  for (const name of ["readinessProbe", "livenessProbe", "startupProbe"]) {
    const probe = container[name];
    if (isFields(probe)) probeDefaults(probe);
  }
  for (const hook of Object.values(fieldsAt(container, "lifecycle"))) if (isFields(hook)) httpDefaults(hook["httpGet"]);
  for (const variable of listAt(container, "env")) {
    const reference = isFields(variable) ? fieldsAt(variable, "valueFrom")["fieldRef"] : undefined;
    if (isFields(reference)) reference["apiVersion"] ??= "v1";
  }
}

function isLatest(image: string): boolean {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return !last.includes("@") && (!last.includes(":") || last.endsWith(":latest"));
}

function probeDefaults(probe: Fields): void {
  probe["timeoutSeconds"] ??= 1;
  probe["periodSeconds"] ??= 10;
  probe["successThreshold"] ??= 1;
  probe["failureThreshold"] ??= 3;
  httpDefaults(probe["httpGet"]);
}

function httpDefaults(action: unknown): void {
  if (!isFields(action)) return;
  action["path"] ??= "/";
  action["scheme"] ??= "HTTP";
}

/** The class that decides who is ended first when memory is short. */
export function qualityOf(pod: ApiObject): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")];
  const all = containers.map((one) => ({
    requests: fieldsAt(one, "resources", "requests"),
    limits: fieldsAt(one, "resources", "limits"),
  }));
  const names = ["cpu", "memory"];
  if (all.every(({ requests, limits }) => names.every((n) => requests[n] === undefined && limits[n] === undefined))) {
    return "BestEffort";
  }
  const exact = all.every(({ requests, limits }) =>
    names.every((n) => limits[n] !== undefined && wordOf(requests[n]) === wordOf(limits[n])),
  );
  return exact ? "Guaranteed" : "Burstable";
}
