/** Handlers of `shared/src/wire/node/aliases.ts`. */
import type { aliasEndpoints } from "@shoal/shared/wire/node/aliases.ts";
import type { Aliases } from "../../clients/node-client.ts";
import type { HandlersOf } from "../call.ts";

const DONE = { data: {} };

export function aliasHandlers(aliases: Aliases): HandlersOf<typeof aliasEndpoints> {
  const found = (value: string | undefined): { data: { value?: string } } => ({
    data: value === undefined ? {} : { value },
  });
  const done = async (work: Promise<unknown>): Promise<typeof DONE> => {
    await work;
    return DONE;
  };
  return {
    "aliases.createContext": ({ body }) => done(aliases.create("context", body.alias, body.contextId)),
    "aliases.createApplication": ({ body }) => done(aliases.create("application", body.alias, body.applicationId)),
    "aliases.createIdentity": ({ params, body }) =>
      done(aliases.create("identity", body.alias, body.identity, params.context)),
    "aliases.lookupContext": async ({ params }) => found(await aliases.lookup("context", params.name)),
    "aliases.lookupApplication": async ({ params }) => found(await aliases.lookup("application", params.name)),
    "aliases.lookupIdentity": async ({ params }) =>
      found(await aliases.lookup("identity", params.name, params.context)),
    "aliases.deleteContext": ({ params }) => done(aliases.delete("context", params.name)),
    "aliases.deleteApplication": ({ params }) => done(aliases.delete("application", params.name)),
    "aliases.deleteIdentity": ({ params }) => done(aliases.delete("identity", params.name, params.context)),
    "aliases.listContexts": async () => ({ data: await aliases.list("context") }),
    "aliases.listApplications": async () => ({ data: await aliases.list("application") }),
    "aliases.listIdentities": async ({ params }) => ({ data: await aliases.list("identity", params.context) }),
  };
}
