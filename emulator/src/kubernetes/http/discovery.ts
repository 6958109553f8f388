/** What the API says of itself: groups, their kinds, its version. Made from the list of kinds. */
import type { IncomingMessage } from "node:http";
import { KINDS, VERBS, type Kind } from "../kinds.ts";
import { acceptedTypes } from "./accept.ts";
import { json, type Answer } from "./call.ts";

/** The version that kubectl compares itself with: that of the semantics and of the schema. */
export const VERSION = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.0+shoal",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2024-12-11T17:59:15Z",
  goVersion: "none",
  compiler: "none",
  platform: "linux/amd64",
};

/** Kinds that are only ever posted: questions about tokens and rights. */
const REVIEWS: readonly { readonly apiVersion: string; readonly kind: string; readonly plural: string }[] = [
  { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", plural: "tokenreviews" },
  { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", plural: "selfsubjectreviews" },
  { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews" },
  { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", plural: "selfsubjectrulesreviews" },
];

function groupVersions(): readonly string[] {
  return [...new Set([...KINDS, ...REVIEWS].map((one) => one.apiVersion))].filter((one) => one !== "v1");
}

function kindsIn(apiVersion: string): readonly Kind[] {
  return KINDS.filter((kind) => kind.apiVersion === apiVersion);
}

function splitVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return { group, version };
}

/** `/apis/GROUP/VERSION` or `/api/v1`; undefined where there is no such group. */
export function resourceList(apiVersion: string): Answer | undefined {
  const reviews = REVIEWS.filter((one) => one.apiVersion === apiVersion);
  const kinds = kindsIn(apiVersion);
  if (kinds.length + reviews.length === 0) return undefined;
  const resources = kinds.flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: VERBS,
      ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
      ...(kind.kind === "Pod" ? { categories: ["all"] } : {}),
    },
    ...kind.subResources.map((sub) => ({
      name: `${kind.plural}/${sub.name}`,
      singularName: "",
      namespaced: kind.namespaced,
      ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  const posted = reviews.map(({ kind, plural }) => ({
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced: false,
    kind,
    verbs: ["create"],
  }));
  return json(200, {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersion,
    resources: [...resources, ...posted],
  });
}

function groupOf(apiVersion: string): object {
  const { group, version } = splitVersion(apiVersion);
  const only = { groupVersion: apiVersion, version };
  return { name: group, versions: [only], preferredVersion: only };
}

export function coreVersions(request: IncomingMessage): Answer {
  if (wantsAggregated(request)) return aggregated(["v1"]);
  return json(200, {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: request.headers.host ?? "" }],
  });
}

export function groupList(request: IncomingMessage): Answer {
  if (wantsAggregated(request)) return aggregated(groupVersions());
  return json(200, { kind: "APIGroupList", apiVersion: "v1", groups: groupVersions().map(groupOf) });
}

export function groupNamed(name: string): Answer | undefined {
  const found = groupVersions().find((one) => splitVersion(one).group === name);
  return found === undefined ? undefined : json(200, { kind: "APIGroup", apiVersion: "v1", ...groupOf(found) });
}

/** Older clients ask for v2beta1 only, and take the plain form. */
function wantsAggregated(request: IncomingMessage): boolean {
  return acceptedTypes(request).some(
    ({ parameters }) => parameters["as"] === "APIGroupDiscoveryList" && parameters["v"] === "v2",
  );
}

function aggregated(apiVersions: readonly string[]): Answer {
  const items = apiVersions.map((apiVersion) => {
    const { group, version } = splitVersion(apiVersion);
    return {
      metadata: { ...(group === "" ? {} : { name: group }), creationTimestamp: null },
      versions: [
        {
          version,
          freshness: "Current",
          resources: [
            ...kindsIn(apiVersion).map(discovered),
            ...REVIEWS.filter((one) => one.apiVersion === apiVersion).map(({ kind, plural }) => ({
              resource: plural,
              responseKind: { group, version, kind },
              scope: "Cluster",
              singularResource: kind.toLowerCase(),
              verbs: ["create"],
            })),
          ],
        },
      ],
    };
  });
  const text = JSON.stringify({
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items,
  });
  return { code: 200, text, type: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };
}

function discovered(kind: Kind): object {
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: VERBS,
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.kind === "Pod" ? { categories: ["all"] } : {}),
    subresources: kind.subResources.map((sub) => ({
      subresource: sub.name,
      responseKind: { group: sub.group ?? kind.group, version: sub.version ?? kind.version, kind: sub.kind },
      verbs: sub.verbs,
    })),
  };
}
