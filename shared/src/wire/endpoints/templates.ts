/** Processor templates and their versions: which image runs, and how. */
import { z } from "zod";
import { digestSchema, imageUriSchema, runtimeConfigSchema } from "../runtime-config.ts";
import { displayNameSchema, idOrNameSchema, instantSchema, slugSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { flag, pageOf, pageQuery } from "./page.ts";

export const versionSchema = z.strictObject({
  id: z.string(),
  template_id: z.string(),
  version: z.string(),
  image_uri: z.string(),
  digest: z.string(),
  is_active: z.boolean(),
  runtime_config_template: runtimeConfigSchema,
  created_at: instantSchema,
});
export type TemplateVersion = z.output<typeof versionSchema>;

export const templateSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  description: z.string(),
  active_version: z.string().nullable().describe("the version that its processors run"),
  created_at: instantSchema,
  updated_at: instantSchema,
});
export type Template = z.output<typeof templateSchema>;

const name = displayNameSchema(80);
const description = z.string().max(2000);
const versionName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?$/, "letters, digits and . _ + -, such as 1.4.0");

const template = z.strictObject({ id: idOrNameSchema });
const version = z.strictObject({ id: idOrNameSchema, version: idOrNameSchema });

export const templateEndpoints = [
  defineEndpoint({
    id: "templates.create",
    method: "POST",
    path: "/api/v1/processor-templates",
    scope: "templates:write",
    summary: "Registers a processor template",
    body: z.strictObject({ slug: slugSchema, name: name.optional(), description: description.default("") }),
    responses: { 201: templateSchema },
    errors: ["already_exists", "plan_limit_exceeded"],
  }),
  defineEndpoint({
    id: "templates.list",
    method: "GET",
    path: "/api/v1/processor-templates",
    scope: "templates:read",
    summary: "Processor templates, newest first",
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(templateSchema) },
  }),
  defineEndpoint({
    id: "templates.get",
    method: "GET",
    path: "/api/v1/processor-templates/{id}",
    scope: "templates:read",
    summary: "One processor template, by id or slug",
    params: template,
    responses: { 200: templateSchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "templates.update",
    method: "PATCH",
    path: "/api/v1/processor-templates/{id}",
    scope: "templates:write",
    summary: "Changes a template's name or description",
    params: template,
    body: z.strictObject({ name: name.optional(), description: description.optional() }),
    responses: { 200: templateSchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "templates.delete",
    method: "DELETE",
    path: "/api/v1/processor-templates/{id}",
    scope: "templates:write",
    summary: "Deletes a template that no processor uses any more",
    params: template,
    responses: { 204: "empty" },
    errors: ["not_found", "conflict"],
  }),
  defineEndpoint({
    id: "versions.create",
    method: "POST",
    path: "/api/v1/processor-templates/{id}/versions",
    scope: "templates:write",
    summary: "Adds a version: an image by digest and its runtime configuration. The first becomes active by itself",
    params: template,
    body: z.strictObject({
      version: versionName,
      image_uri: imageUriSchema,
      digest: digestSchema,
      runtime_config_template: runtimeConfigSchema.prefault({}),
      activate: flag.optional().describe("default: only the template's first version"),
    }),
    responses: { 201: versionSchema },
    errors: ["not_found", "already_exists", "conflict"],
  }),
  defineEndpoint({
    id: "versions.list",
    method: "GET",
    path: "/api/v1/processor-templates/{id}/versions",
    scope: "templates:read",
    summary: "Versions of a template, newest first",
    params: template,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(versionSchema) },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "versions.get",
    method: "GET",
    path: "/api/v1/processor-templates/{id}/versions/{version}",
    scope: "templates:read",
    summary: "One version, by id or version name",
    params: version,
    responses: { 200: versionSchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "versions.activate",
    method: "POST",
    path: "/api/v1/processor-templates/{id}/versions/{version}/activate",
    scope: "templates:write",
    summary: "Makes a version the template's active one: every processor of the template moves to it",
    params: version,
    responses: {
      200: z.strictObject({
        version: versionSchema,
        processors_changed: z.int().describe("how many processors will be replaced"),
      }),
    },
    errors: ["not_found", "conflict"],
  }),
] as const;
