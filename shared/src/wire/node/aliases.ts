/** Aliases: names for contexts, applications and, within a context, identities (G2; G3 dropped those). */
import { z } from "zod";
import { dataOf, defineNodeEndpoint, emptyData } from "./endpoint.ts";
import { applicationIdSchema, contextIdSchema, publicKeySchema } from "./ids.ts";
import { NODE_CAPS } from "./values.ts";

const nothing = z.object({});
/** Bytes of well-formed text in UTF-8: each is one escape or one character here. */
const utf8Bytes = (text: string): number => encodeURIComponent(text).replaceAll(/%[0-9A-F]{2}/g, "_").length;
const name = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed() && utf8Bytes(text) <= NODE_CAPS.aliasBytes, {
    error: `expected at most ${NODE_CAPS.aliasBytes} bytes of UTF-8`,
  });
const named = z.object({ name });
const inContext = z.object({ context: contextIdSchema });
const namedInContext = z.object({ context: contextIdSchema, name });
const value = dataOf(z.object({ value: z.string().optional() }));
const map = dataOf(z.record(z.string(), z.string()));

export const aliasEndpoints = [
  defineNodeEndpoint({
    id: "aliases.createContext",
    method: "POST",
    path: "/admin-api/alias/create/context",
    permission: "context:alias:create:context",
    summary: "Names a context",
    body: z.object({ alias: name, contextId: contextIdSchema }),
    answer: emptyData,
    generation: "G2 G3",
    errors: ["already_exists"],
  }),
  defineNodeEndpoint({
    id: "aliases.createApplication",
    method: "POST",
    path: "/admin-api/alias/create/application",
    permission: "context:alias:create:application",
    summary: "Names an application",
    body: z.object({ alias: name, applicationId: applicationIdSchema }),
    answer: emptyData,
    generation: "G2 G3",
    errors: ["already_exists"],
  }),
  defineNodeEndpoint({
    id: "aliases.createIdentity",
    method: "POST",
    path: "/admin-api/alias/create/identity/{context}",
    permission: "context:alias:create:identity[{context}]",
    summary: "Names an identity within a context",
    params: inContext,
    body: z.object({ alias: name, identity: publicKeySchema }),
    answer: emptyData,
    generation: "G2",
    errors: ["already_exists"],
  }),
  defineNodeEndpoint({
    id: "aliases.lookupContext",
    method: "POST",
    path: "/admin-api/alias/lookup/context/{name}",
    permission: "context:alias:lookup:context",
    summary: "The context of a name",
    params: named,
    body: nothing,
    answer: value,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.lookupApplication",
    method: "POST",
    path: "/admin-api/alias/lookup/application/{name}",
    permission: "context:alias:lookup:application",
    summary: "The application of a name",
    params: named,
    body: nothing,
    answer: value,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.lookupIdentity",
    method: "POST",
    path: "/admin-api/alias/lookup/identity/{context}/{name}",
    permission: "context:alias:lookup:identity[{context}]",
    summary: "The identity of a name within a context",
    params: namedInContext,
    body: nothing,
    answer: value,
    generation: "G2",
  }),
  defineNodeEndpoint({
    id: "aliases.deleteContext",
    method: "POST",
    path: "/admin-api/alias/delete/context/{name}",
    permission: "context:alias:delete:context",
    summary: "Forgets a context's name",
    params: named,
    body: nothing,
    answer: emptyData,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.deleteApplication",
    method: "POST",
    path: "/admin-api/alias/delete/application/{name}",
    permission: "context:alias:delete:application",
    summary: "Forgets an application's name",
    params: named,
    body: nothing,
    answer: emptyData,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.deleteIdentity",
    method: "POST",
    path: "/admin-api/alias/delete/identity/{context}/{name}",
    permission: "context:alias:delete:identity[{context}]",
    summary: "Forgets an identity's name within a context",
    params: namedInContext,
    body: nothing,
    answer: emptyData,
    generation: "G2",
  }),
  defineNodeEndpoint({
    id: "aliases.listContexts",
    method: "GET",
    path: "/admin-api/alias/list/context",
    permission: "context:alias:list:context",
    summary: "Names of contexts",
    answer: map,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.listApplications",
    method: "GET",
    path: "/admin-api/alias/list/application",
    permission: "context:alias:list:application",
    summary: "Names of applications",
    answer: map,
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "aliases.listIdentities",
    method: "GET",
    path: "/admin-api/alias/list/identity/{context}",
    permission: "context:alias:list:identity[{context}]",
    summary: "Names of identities within a context",
    params: inContext,
    answer: map,
    generation: "G2",
  }),
] as const;
