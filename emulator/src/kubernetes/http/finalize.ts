/** `namespaces/NAME/finalize`: what holds a namespace back is written apart from the rest of it. */
import { fieldsAt, type ApiObject } from "../object.ts";
import { updateObject, type Target } from "../writes.ts";
import { bodyObject, type Answer, type Api, type Call } from "./call.ts";
import { objectAnswer, objectOf, writeOptions } from "./objects.ts";

export async function finalizeNamespace(api: Api, target: Target, call: Call): Promise<Answer> {
  const given = objectOf(target.kind, target.namespace, await bodyObject(call.request), call);
  const { finalizers } = fieldsAt(given, "spec");
  const change = (current: ApiObject): ApiObject => ({
    ...current,
    metadata: {
      ...current.metadata,
      ...(given.metadata.resourceVersion === undefined ? {} : { resourceVersion: given.metadata.resourceVersion }),
    },
    spec: { ...fieldsAt(current, "spec"), finalizers },
  });
  const written = updateObject(api, target, change, { ...writeOptions(call), whole: true });
  return objectAnswer(api, target.kind, call, 200, written);
}
