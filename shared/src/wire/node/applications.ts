/** Applications and packages: what a node has installed. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "./endpoint.ts";
import { applicationIdSchema, blobIdSchema } from "./ids.ts";
import { byteArraySchema, NODE_CAPS, optionally } from "./values.ts";

const packageName = z.string().min(1).max(NODE_CAPS.packageName);
const version = z.string().min(1).max(NODE_CAPS.version);
const metadata = byteArraySchema(NODE_CAPS.metadataBytes).prefault([]);

const blobPair = z.object({ bytecode: z.string(), compiled: z.string() });

/** Field names are upstream's, snake case where it has snake case. */
export const applicationSchema = z.object({
  id: z.string(),
  blob: blobPair,
  size: z.int(),
  source: z.string(),
  metadata: z.array(z.int()),
  package: z.string(),
  version: z.string(),
  signer_id: z.string().optional(),
  services: z.record(z.string(), blobPair).optional().describe("of a bundle with more than one"),
});

const application = z.object({ id: applicationIdSchema });
const ofPackage = z.object({ package: packageName });
const installed = dataOf(z.object({ applicationId: z.string() }));

export const applicationEndpoints = [
  defineNodeEndpoint({
    id: "applications.install",
    method: "POST",
    path: "/admin-api/install-application",
    permission: "application:install",
    summary: "Downloads an application (WASM module or .mpk bundle) and installs it",
    body: z.object({
      url: z.url({ protocol: /^https?$/ }).max(NODE_CAPS.url),
      hash: optionally(z.string().max(128)).describe("expected SHA-256, hex or base58"),
      metadata,
      package: optionally(packageName),
      version: optionally(version),
    }),
    answer: installed,
    generation: "G2 G3",
    errors: ["conflict", "payload_too_large"],
  }),
  defineNodeEndpoint({
    id: "applications.installDev",
    method: "POST",
    path: "/admin-api/install-dev-application",
    // Whoever may name files of the node's machine may read them.
    permission: "admin",
    summary: "Installs an application from a file on the node's machine",
    body: z.object({
      path: z.string().min(1).max(NODE_CAPS.path),
      metadata,
      package: optionally(packageName),
      version: optionally(version),
    }),
    answer: installed,
    generation: "G2 G3",
    errors: ["not_found", "conflict", "payload_too_large"],
  }),
  defineNodeEndpoint({
    id: "applications.installBlob",
    method: "POST",
    path: "/admin-api/install-blob-application",
    permission: "application:install",
    summary: "Installs an application from a blob that was uploaded before",
    body: z.object({
      blobId: blobIdSchema,
      metadata,
      package: optionally(packageName),
      version: optionally(version),
    }),
    answer: installed,
    generation: "shoal",
    errors: ["not_found", "conflict", "payload_too_large"],
  }),
  defineNodeEndpoint({
    id: "applications.list",
    method: "GET",
    path: "/admin-api/applications",
    permission: "application:list",
    summary: "Installed applications",
    answer: dataOf(z.object({ apps: z.array(applicationSchema) })),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "applications.get",
    method: "GET",
    path: "/admin-api/applications/{id}",
    permission: "application:list[{id}]",
    summary: "One application; null where it is not installed",
    params: application,
    answer: dataOf(z.object({ application: applicationSchema.nullable() })),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "applications.uninstall",
    method: "DELETE",
    path: "/admin-api/applications/{id}",
    permission: "application:uninstall[{id}]",
    summary: "Uninstalls an application that no context runs any more",
    params: application,
    answer: installed,
    generation: "G2 G3",
    errors: ["not_found", "conflict"],
  }),
  defineNodeEndpoint({
    id: "applications.abi",
    method: "GET",
    path: "/admin-api/applications/{id}/abi",
    permission: "application:list[{id}]",
    summary: "The application's interface: methods, types and events",
    params: application,
    query: z.object({ service_name: z.string().min(1).max(NODE_CAPS.packageName).optional() }),
    answer: dataOf(z.record(z.string(), z.unknown())),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "applications.versions",
    method: "GET",
    path: "/admin-api/applications/{id}/versions",
    permission: "application:list[{id}]",
    summary: "Versions of the application's package that this node has",
    params: application,
    answer: dataOf(z.array(z.object({ version: z.string(), blobId: z.string(), size: z.int(), package: z.string() }))),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "packages.list",
    method: "GET",
    path: "/admin-api/packages",
    permission: "package:list-packages",
    summary: "Names of installed packages",
    answer: z.object({ packages: z.array(z.string()) }),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "packages.versions",
    method: "GET",
    path: "/admin-api/packages/{package}/versions",
    permission: "package:list-versions",
    summary: "Installed versions of a package",
    params: ofPackage,
    answer: z.object({ versions: z.array(z.string()) }),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "packages.latest",
    method: "GET",
    path: "/admin-api/packages/{package}/latest",
    permission: "package:get-latest-version",
    summary: "The newest installed version of a package",
    params: ofPackage,
    answer: z.object({ applicationId: z.string().nullable(), version: z.string().nullable() }),
    generation: "G2 G3",
  }),
] as const;
