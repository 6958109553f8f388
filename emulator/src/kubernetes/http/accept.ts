/** Which form of the answer the caller wants: the object, only its metadata, or rows of a table. */
import type { IncomingMessage } from "node:http";
import { ApiFailure } from "../status.ts";

export type Form = "object" | "metadata" | "table";

const AS: Readonly<Record<string, Form>> = {
  Table: "table",
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadata",
};

interface AcceptedType {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** In the order of the header, which is the order of preference among equals. */
export function acceptedTypes(request: IncomingMessage): readonly AcceptedType[] {
  return (request.headers.accept ?? "*/*").split(",").map((part) => {
    const [type = "", ...parameters] = part.split(";").map((word) => word.trim());
    return { type: type.toLowerCase(), parameters: Object.fromEntries(parameters.map(pair)) };
  });
}

function pair(word: string): [string, string] {
  const at = word.indexOf("=");
  return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
}

function isJson(type: string): boolean {
  return type === "application/json" || type === "application/*" || type === "*/*";
}

export function formOf(request: IncomingMessage): Form {
  for (const { type, parameters } of acceptedTypes(request)) {
    if (!isJson(type)) continue;
    const as = parameters["as"];
    if (as === undefined) return "object";
    const form = AS[as];
    if (form !== undefined && parameters["g"] === "meta.k8s.io" && (parameters["v"] ?? "v1") === "v1") return form;
  }
  throw new ApiFailure(406, "NotAcceptable", "only the following media types are accepted: application/json");
}
