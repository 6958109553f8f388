/**
 * Bodies in protobuf, which kubectl's typed clients send for the kinds of `MESSAGES`; answers are JSON, which they take too.
 * Field numbers are those of Kubernetes' generated.proto files. A field that is not listed is skipped, as protobuf has it.
 */
import type { Fields } from "../object.ts";
import { badRequest } from "../status.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** Says that what follows is a `runtime.Unknown`: type and bytes of the object. */
const MAGIC = Buffer.from("k8s\0", "latin1");

type Shape = "text" | "int" | "bool" | "base64" | "time" | "intOrString" | { readonly message: string };

interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly many?: "list" | "map";
}

type Message = Readonly<Record<number, Field>>;

const text = (name: string): Field => ({ name, shape: "text" });
const texts = (name: string): Field => ({ name, shape: "text", many: "list" });
const textMap = (name: string): Field => ({ name, shape: "text", many: "map" });
const int = (name: string): Field => ({ name, shape: "int" });
const bool = (name: string): Field => ({ name, shape: "bool" });
const time = (name: string): Field => ({ name, shape: "time" });
const part = (name: string, message: string): Field => ({ name, shape: { message } });
const parts = (name: string, message: string): Field => ({ name, shape: { message }, many: "list" });

const METADATA = part("metadata", "ObjectMeta");

const MESSAGES: Readonly<Record<string, Message>> = {
  ObjectMeta: {
    1: text("name"),
    2: text("generateName"),
    3: text("namespace"),
    5: text("uid"),
    6: text("resourceVersion"),
    7: int("generation"),
    8: time("creationTimestamp"),
    9: time("deletionTimestamp"),
    10: int("deletionGracePeriodSeconds"),
    11: textMap("labels"),
    12: textMap("annotations"),
    13: parts("ownerReferences", "OwnerReference"),
    14: texts("finalizers"),
  },
  OwnerReference: {
    1: text("kind"),
    3: text("name"),
    4: text("uid"),
    5: text("apiVersion"),
    6: bool("controller"),
    7: bool("blockOwnerDeletion"),
  },
  DeleteOptions: {
    1: int("gracePeriodSeconds"),
    2: part("preconditions", "Preconditions"),
    4: text("propagationPolicy"),
    5: texts("dryRun"),
  },
  Preconditions: { 1: text("uid"), 2: text("resourceVersion") },
  Eviction: { 1: METADATA, 2: part("deleteOptions", "DeleteOptions") },
  ConfigMap: {
    1: METADATA,
    2: textMap("data"),
    3: { name: "binaryData", shape: "base64", many: "map" },
    4: bool("immutable"),
  },
  Secret: {
    1: METADATA,
    2: { name: "data", shape: "base64", many: "map" },
    3: text("type"),
    4: textMap("stringData"),
    5: bool("immutable"),
  },
  Namespace: { 1: METADATA },
  ServiceAccount: {
    1: METADATA,
    3: parts("imagePullSecrets", "LocalObjectReference"),
    4: bool("automountServiceAccountToken"),
  },
  LocalObjectReference: { 1: text("name") },
  PodDisruptionBudget: { 1: METADATA, 2: part("spec", "PodDisruptionBudgetSpec") },
  PodDisruptionBudgetSpec: {
    1: { name: "minAvailable", shape: "intOrString" },
    2: part("selector", "LabelSelector"),
    3: { name: "maxUnavailable", shape: "intOrString" },
    4: text("unhealthyPodEvictionPolicy"),
  },
  LabelSelector: { 1: textMap("matchLabels"), 2: parts("matchExpressions", "LabelSelectorRequirement") },
  LabelSelectorRequirement: { 1: text("key"), 2: text("operator"), 3: texts("values") },
  TokenRequest: { 1: METADATA, 2: part("spec", "TokenRequestSpec") },
  TokenRequestSpec: { 1: texts("audiences"), 4: int("expirationSeconds") },
  TokenReview: { 1: METADATA, 2: part("spec", "TokenReviewSpec") },
  TokenReviewSpec: { 1: text("token"), 2: texts("audiences") },
  SelfSubjectReview: { 1: METADATA },
  SelfSubjectAccessReview: { 1: METADATA, 2: part("spec", "SelfSubjectAccessReviewSpec") },
  SelfSubjectAccessReviewSpec: {
    1: part("resourceAttributes", "ResourceAttributes"),
    2: part("nonResourceAttributes", "NonResourceAttributes"),
  },
  ResourceAttributes: {
    1: text("namespace"),
    2: text("verb"),
    3: text("group"),
    4: text("version"),
    5: text("resource"),
    6: text("subresource"),
    7: text("name"),
  },
  NonResourceAttributes: { 1: text("path"), 2: text("verb") },
  SelfSubjectRulesReview: { 1: METADATA, 2: part("spec", "SelfSubjectRulesReviewSpec") },
  SelfSubjectRulesReviewSpec: { 1: text("namespace") },
  Unknown: { 1: part("type", "TypeMeta"), 2: { name: "raw", shape: "base64" } },
  TypeMeta: { 1: text("apiVersion"), 2: text("kind") },
};

/** The object of a body, with its kind. Kinds that are not listed are refused by name. */
export function protobufObject(body: Buffer): Fields {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw badRequest("the body is no protobuf object of Kubernetes");
  const envelope = decoded("Unknown", body.subarray(MAGIC.length));
  const { apiVersion, kind } = (envelope["type"] ?? {}) as { apiVersion?: string; kind?: string };
  if (kind === undefined || MESSAGES[kind] === undefined) {
    throw badRequest(`the protobuf form of ${String(kind)} is not understood: send application/json`);
  }
  const raw = typeof envelope["raw"] === "string" ? Buffer.from(envelope["raw"], "base64") : Buffer.alloc(0);
  return { apiVersion, kind, ...decoded(kind, raw) };
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function decoded(message: string, bytes: Buffer): Fields {
  const fields: Fields = {};
  for (const { number, value } of wireFields(bytes)) {
    const field = MESSAGES[message]?.[number];
    if (field === undefined) continue;
    if (field.many === "map") {
      const [key, item] = mapEntry(field.shape, value);
      fields[field.name] = { ...(fields[field.name] as Fields | undefined), [key]: item };
    } else if (field.many === "list") {
      fields[field.name] = [...((fields[field.name] as unknown[] | undefined) ?? []), shaped(field.shape, value)];
    } else {
      // Go's marshaller writes empty texts where JSON leaves them out.
      const said = shaped(field.shape, value);
      if (said !== "" && said !== undefined) fields[field.name] = said;
    }
  }
  return fields;
}

function mapEntry(shape: Shape, value: number | Buffer): [string, unknown] {
  let key = "";
  let item: unknown = "";
  for (const each of wireFields(asBytes(value))) {
    if (each.number === 1) key = asBytes(each.value).toString("utf8");
    else item = shaped(shape, each.value);
  }
  return [key, item];
}

function shaped(shape: Shape, value: number | Buffer): unknown {
  if (typeof shape === "object") return decoded(shape.message, asBytes(value));
  switch (shape) {
    case "text":
      return asBytes(value).toString("utf8");
    case "base64":
      return asBytes(value).toString("base64");
    case "int":
      return value;
    case "bool":
      return value === 1;
    case "time":
      return timeOf(asBytes(value));
    case "intOrString":
      return intOrString(asBytes(value));
  }
}

function timeOf(bytes: Buffer): string | undefined {
  for (const { number, value } of wireFields(bytes)) {
    if (number === 1 && typeof value === "number") return new Date(value * 1000).toISOString();
  }
  return undefined;
}

function intOrString(bytes: Buffer): number | string {
  const found = new Map([...wireFields(bytes)].map(({ number, value }) => [number, value]));
  const isText = found.get(1) === 1;
  return isText ? asBytes(found.get(3) ?? Buffer.alloc(0)).toString("utf8") : Number(found.get(2) ?? 0);
}

function asBytes(value: number | Buffer): Buffer {
  if (typeof value === "number") throw badRequest("the protobuf body has a number where text is expected");
  return value;
}

function* wireFields(bytes: Buffer): Generator<{ readonly number: number; readonly value: number | Buffer }> {
  const cursor: Cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(cursor);
    const wire = tag & 7;
    if (wire !== 0 && wire !== 2) throw badRequest("the protobuf body cannot be read");
    if (wire === 0) yield { number: tag >>> 3, value: varint(cursor) };
    else {
      const length = varint(cursor);
      if (length < 0 || cursor.at + length > bytes.length) throw badRequest("the protobuf body is cut off");
      cursor.at += length;
      yield { number: tag >>> 3, value: bytes.subarray(cursor.at - length, cursor.at) };
    }
  }
}

/** As a signed 64-bit number, which is what every number here is. */
function varint(cursor: Cursor): number {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw badRequest("the protobuf body is cut off");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
  throw badRequest("the protobuf body has a number that is too long");
}
