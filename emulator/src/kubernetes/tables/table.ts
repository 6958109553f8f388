/** Objects as rows: what a printer that knows no kind shows. */
import type { Kind } from "../kinds.ts";
import type { ApiObject } from "../object.ts";
import { columnsOf } from "./columns.ts";

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly columnDefinitions: readonly object[];
  readonly rows: readonly object[];
}

/** `include`: what comes along with each row; `Object`, `None`, or its metadata. */
export function tableOf(kind: Kind, objects: readonly ApiObject[], now: number, include: string | null): Table {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    columnDefinitions: columnsOf(kind.kind).map((column) => ({
      name: column.name,
      type: column.type ?? "string",
      format: column.name === "Name" ? "name" : "",
      description: "",
      priority: column.wide === true ? 1 : 0,
    })),
    rows: rowsOf(kind, objects, now, include),
  };
}

export function rowsOf(kind: Kind, objects: readonly ApiObject[], now: number, include: string | null): object[] {
  const columns = columnsOf(kind.kind);
  return objects.map((object) => ({
    cells: columns.map((column) => column.cell(object, now)),
    ...(include === "None" ? {} : { object: include === "Object" ? object : metadataOnly(object) }),
  }));
}

function metadataOnly(object: ApiObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}
