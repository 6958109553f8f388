/** The namespaces that every cluster has, and the account that every namespace has. */
import { kindNamed } from "./kinds.ts";
import { createObject, type WriteContext } from "./writes.ts";

const ALWAYS = ["default", "kube-system", "kube-public", "kube-node-lease"];
const MANAGER = { manager: "kube-apiserver" };

/** Makes those that are missing. */
export function makeNamespaces(context: WriteContext): void {
  const kind = kindNamed("Namespace");
  for (const name of ALWAYS) {
    if (context.store.get(kind.plural, name) !== undefined) continue;
    createObject(
      context,
      kind,
      undefined,
      { kind: kind.kind, apiVersion: kind.apiVersion, metadata: { name } },
      MANAGER,
    );
    giveDefaultAccount(context, name);
  }
}

/** The account that pods run as when they name none. */
export function giveDefaultAccount(context: WriteContext, namespace: string): void {
  const kind = kindNamed("ServiceAccount");
  const account = { kind: kind.kind, apiVersion: kind.apiVersion, metadata: { name: "default" } };
  createObject(context, kind, namespace, account, MANAGER);
}
