/** Options out of the endpoint registry: what the API calls `node_type` is `--node-type`, with its choices and its help. */
import { Option, type Command } from "commander";
import { z } from "zod";
import { ENDPOINTS, type BodyInput, type EndpointId, type QueryInput } from "@shoal/shared/wire/endpoints/index.ts";
import type { Options } from "./session.ts";

/** Pages are the list command's own business. */
const PAGING: ReadonlySet<string> = new Set(["limit", "cursor"]);

/** Adds an option for each query field of the endpoint. */
export function queryOptions(command: Command, id: EndpointId): Command {
  return fieldOptions(command, ENDPOINTS[id].query.shape, PAGING);
}

/** Adds an option for each field of the endpoint's body that is not an argument or made of several options. */
export function bodyOptions(command: Command, id: EndpointId, except: readonly string[]): Command {
  return fieldOptions(command, bodyShape(id), new Set(except));
}

/** What was given for the endpoint's query fields. */
export function queryOf<Id extends EndpointId>(id: Id, options: Options): QueryInput<Id> {
  return pick(ENDPOINTS[id].query.shape, options, PAGING) as QueryInput<Id>;
}

/** What was given for the fields of the body that have options; `rest` are the others. The server judges both. */
export function bodyOf<Id extends EndpointId>(
  id: Id,
  options: Options,
  rest: Readonly<Record<string, unknown>>,
): BodyInput<Id> {
  return { ...pick(bodyShape(id), options, new Set(Object.keys(rest))), ...rest } as BodyInput<Id>;
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

function bodyShape(id: EndpointId): Shape {
  const body: unknown = ENDPOINTS[id].body;
  return body instanceof z.ZodObject ? body.shape : {};
}

function fieldOptions(command: Command, shape: Shape, except: ReadonlySet<string>): Command {
  for (const [name, schema] of Object.entries(shape)) if (!except.has(name)) command.addOption(optionOf(name, schema));
  return command;
}

function optionOf(name: string, schema: z.core.$ZodType): Option {
  const { inner, isOptional, help } = unwrapped(schema);
  const flag = `--${name.replaceAll("_", "-")}`;
  if (isSwitch(inner)) return new Option(flag, help);
  const many = inner instanceof z.ZodArray;
  const value = many ? inner.element : inner;
  const option = new Option(`${flag} <${many ? `${name}...` : name}>`.replaceAll("_", "-"), help);
  if (value instanceof z.ZodEnum) option.choices(value.options.map(String));
  return option.makeOptionMandatory(!isOptional);
}

function unwrapped(schema: z.core.$ZodType): { inner: z.core.$ZodType; isOptional: boolean; help: string } {
  let [inner, isOptional, help] = [schema, false, ""];
  for (;;) {
    if (help === "" && inner instanceof z.ZodType) help = inner.description ?? "";
    if (!(inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)) break;
    isOptional = true;
    inner = inner.unwrap();
  }
  return { inner, isOptional, help };
}

function isSwitch(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodBoolean || (schema instanceof z.ZodUnion && schema.options.some(isSwitch));
}

function pick(shape: Shape, options: Options, except: ReadonlySet<string>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(shape)) {
    const value = options[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (value !== undefined && !except.has(name)) given[name] = value;
  }
  return given;
}
