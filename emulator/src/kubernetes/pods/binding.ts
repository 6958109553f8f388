/** Putting a pod onto a node: once, and for good. */
import { fieldsAt, isFields, listAt, textAt, timeText, type ApiObject } from "../object.ts";
import { badRequest, conflict } from "../status.ts";
import { updateObject, type Target } from "../writes.ts";
import { bodyObject, json, type Answer, type Api, type Call } from "../http/call.ts";
import { writeOptions } from "../http/objects.ts";

export async function bindPod(api: Api, target: Target, call: Call): Promise<Answer> {
  const body = await bodyObject(call.request);
  const node = textAt(body, "target", "name") ?? "";
  const uid = textAt(body, "metadata", "uid");
  if (node === "") throw badRequest("target.name: Required value");
  const bind = (pod: ApiObject): ApiObject => {
    const { name } = target;
    if (uid !== undefined && uid !== pod.metadata.uid) {
      throw conflict(
        target.kind,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
      );
    }
    if (pod.metadata.deletionTimestamp !== undefined) {
      throw conflict(
        { ...target.kind, plural: "pods/binding" },
        name,
        `pod ${name} is being deleted, cannot be assigned to a host`,
      );
    }
    const present = textAt(pod, "spec", "nodeName") ?? "";
    if (present !== "") {
      throw conflict(
        { ...target.kind, plural: "pods/binding" },
        name,
        `pod ${name} is already assigned to node "${present}"`,
      );
    }
    return bound(pod, node, timeText(api.clock.now()));
  };
  updateObject(api, target, bind, { ...writeOptions(call), whole: true });
  return json(201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

function bound(pod: ApiObject, node: string, now: string): ApiObject {
  const others = listAt(pod, "status", "conditions").filter((one) => textAt(one, "type") !== "PodScheduled");
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now };
  const spec = isFields(pod["spec"]) ? pod["spec"] : {};
  return {
    ...pod,
    spec: { ...spec, nodeName: node },
    status: { ...fieldsAt(pod, "status"), conditions: [...others, scheduled] },
  };
}
