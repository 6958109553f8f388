/** Questions about tokens and rights: kinds that are posted and never stored. */
import { randomUUID } from "node:crypto";
import { fieldsAt, listAt, numberAt, textAt, timeText, type Fields } from "../object.ts";
import { badRequest, invalid } from "../status.ts";
import { AUDIENCE, MASTERS, type User } from "../tokens.ts";
import { stored, type Target } from "../writes.ts";
import { bodyObject, json, type Answer, type Api, type Call } from "./call.ts";

type Review = (api: Api, call: Call, body: Fields) => Promise<Fields> | Fields;

/** By path below `/apis/`. */
const REVIEWS: Readonly<Record<string, { readonly kind: string; readonly status: Review }>> = {
  "authentication.k8s.io/v1/tokenreviews": { kind: "TokenReview", status: tokenReview },
  "authentication.k8s.io/v1/selfsubjectreviews": {
    kind: "SelfSubjectReview",
    status: (_api, call) => ({ userInfo: userInfo(call.user) }),
  },
  "authorization.k8s.io/v1/selfsubjectaccessreviews": { kind: "SelfSubjectAccessReview", status: accessReview },
  "authorization.k8s.io/v1/selfsubjectrulesreviews": { kind: "SelfSubjectRulesReview", status: rulesReview },
};

export function isReview(path: string): boolean {
  return REVIEWS[path] !== undefined;
}

export async function review(api: Api, call: Call, path: string): Promise<Answer> {
  const found = REVIEWS[path];
  if (found === undefined) throw badRequest("no such review");
  const apiVersion = path.slice(0, path.lastIndexOf("/"));
  const body = await bodyObject(call.request);
  const status = await found.status(api, call, body);
  return json(201, {
    kind: found.kind,
    apiVersion,
    metadata: { creationTimestamp: null },
    spec: fieldsAt(body, "spec"),
    status,
  });
}

function userInfo(user: User): Fields {
  return { username: user.username, uid: user.uid, groups: [...user.groups] };
}

async function tokenReview(api: Api, _call: Call, body: Fields): Promise<Fields> {
  const token = textAt(body, "spec", "token") ?? "";
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const asked = listAt(body, "spec", "audiences").map(String);
  const user = await api.tokens.userOf(token, asked.length === 0 ? undefined : asked);
  if (user === undefined) return { authenticated: false, user: {}, error: "invalid bearer token" };
  return { authenticated: true, user: userInfo(user), audiences: asked.length === 0 ? [AUDIENCE] : asked };
}

function accessReview(_api: Api, call: Call): Fields {
  const allowed = mayDoAnything(call.user);
  return allowed
    ? { allowed, reason: "system:masters may do everything" }
    : { allowed, denied: false, reason: "no role gives it" };
}

function rulesReview(_api: Api, call: Call): Fields {
  const all = mayDoAnything(call.user);
  return {
    resourceRules: all ? [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] : [],
    nonResourceRules: all ? [{ verbs: ["*"], nonResourceURLs: ["*"] }] : [],
    incomplete: false,
  };
}

export function mayDoAnything(user: User): boolean {
  return user.groups.includes(MASTERS);
}

const SHORTEST_SECONDS = 600;
const DEFAULT_SECONDS = 3600;
const LONGEST_SECONDS = 2 ** 32;

/** A token for a service account: `kubectl create token`. */
export async function requestToken(api: Api, target: Target, call: Call): Promise<Answer> {
  const body = await bodyObject(call.request);
  const { object } = stored(api, target);
  const seconds = numberAt(body, "spec", "expirationSeconds") ?? DEFAULT_SECONDS;
  if (seconds < SHORTEST_SECONDS || seconds > LONGEST_SECONDS) {
    const message = `Invalid value: ${seconds}: may not specify a duration less than 10 minutes or larger than 2^32 seconds`;
    throw invalid({ group: "authentication.k8s.io", plural: "tokenrequests", kind: "TokenRequest" }, "", [
      { reason: "FieldValueInvalid", message, field: "spec.expirationSeconds" },
    ]);
  }
  const asked = listAt(body, "spec", "audiences").map(String);
  const audiences = asked.length === 0 ? [AUDIENCE] : asked;
  const account = { namespace: target.namespace ?? "", name: target.name };
  const made = await api.tokens.issue(account, { uid: object.metadata.uid ?? randomUUID(), seconds, audiences });
  return json(201, {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name: target.name, namespace: target.namespace, creationTimestamp: timeText(api.clock.now()) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: null },
    status: { token: made.token, expirationTimestamp: timeText(made.expires) },
  });
}
