/** Handlers of `shared/src/wire/node/contexts.ts`. */
import { base58 } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { contextEndpoints, contextSchema } from "@shoal/shared/wire/node/contexts.ts";
import type { z } from "zod";
import type { ContextClient, CreateContextInput } from "../../clients/context-client.ts";
import type { Context } from "../../model/context.ts";
import { bytesOf, type ApplicationId, type ContextId, type PublicKey } from "../../model/ids.ts";
import type { Call, HandlersOf } from "../call.ts";

type CreateBody = Call<Extract<(typeof contextEndpoints)[number], { id: "contexts.create" }>>["body"];

type Join = (id: ContextId) => Promise<PublicKey>;

export function contextHandlers(contexts: ContextClient, join?: Join): HandlersOf<typeof contextEndpoints> {
  const existing = async (id: ContextId): Promise<Context> => {
    const context = await contexts.getContext(id);
    if (context === undefined) throw new ShoalError("not_found", "this node has no such context", { field: "id" });
    return context;
  };
  const running = async (id: ApplicationId): Promise<readonly Context[]> =>
    (await contexts.listContexts()).filter(({ applicationId }) => applicationId === id);
  const owned = async (id: ContextId): Promise<string[]> =>
    (await contexts.identities(id)).filter((each) => each.owned).map(({ publicKey }) => publicKey);

  /** Without peers there is no context to come to but one that is here. */
  const joinAlone: Join = async (id) => {
    await existing(id);
    const own = (await contexts.identities(id)).find((each) => each.owned);
    if (own !== undefined) return own.publicKey;
    throw new ShoalError("permission_denied", "this node may act as no identity of the context", { field: "id" });
  };

  return {
    "contexts.list": async () => ({ data: { contexts: (await contexts.listContexts()).map(viewOf) } }),
    "contexts.create": async ({ body }) => {
      const { contextId, memberPublicKey, groupId, groupCreated } = await contexts.createContext(inputOf(body));
      return { data: { contextId, memberPublicKey, groupId, groupCreated } };
    },
    "contexts.get": async ({ params }) => ({ data: viewOf(await existing(params.id)) }),
    "contexts.delete": async ({ params }) => ({ data: { isDeleted: await contexts.deleteContext(params.id) } }),
    "contexts.updateApplication": async ({ params, body }) => {
      await existing(params.id);
      await contexts.updateApplication({
        contextId: params.id,
        applicationId: body.applicationId,
        ...(body.executorPublicKey === undefined ? {} : { executor: body.executorPublicKey }),
        ...(body.migrateMethod === undefined ? {} : { migrateMethod: body.migrateMethod }),
      });
      return { data: {} };
    },
    "contexts.forApplication": async ({ params }) => ({
      data: { contexts: (await running(params.applicationId)).map(viewOf) },
    }),
    "contexts.withExecutors": async ({ params }) => ({
      contexts: await Promise.all(
        (await running(params.applicationId)).map(async ({ id, applicationId, rootHash }) => ({
          id,
          contextId: id,
          application_id: applicationId,
          root_hash: rootHash,
          executors: await owned(id),
        })),
      ),
    }),
    "contexts.storage": async ({ params }) => {
      await existing(params.id);
      return { data: { sizeInBytes: await contexts.storageBytes(params.id) } };
    },
    "contexts.identities": async ({ params }) => {
      await existing(params.id);
      return { data: { identities: (await contexts.identities(params.id)).map(({ publicKey }) => publicKey) } };
    },
    "contexts.identitiesOwned": async ({ params }) => {
      await existing(params.id);
      return { data: { identities: await owned(params.id) } };
    },
    "contexts.group": async ({ params }) => ({ data: (await existing(params.id)).groupId }),
    ...peerHandlers(contexts, join ?? joinAlone, existing),
  };
}

/** What has to do with other nodes. */
function peerHandlers(
  contexts: ContextClient,
  join: Join,
  existing: (id: ContextId) => Promise<Context>,
): Pick<
  HandlersOf<typeof contextEndpoints>,
  "contexts.syncAll" | "contexts.sync" | "contexts.resync" | "contexts.join" | "contexts.leave"
> {
  return {
    "contexts.syncAll": async () => {
      await contexts.sync();
      return { data: {} };
    },
    "contexts.sync": async ({ params }) => {
      await existing(params.id);
      await contexts.sync(params.id);
      return { data: {} };
    },
    "contexts.resync": async ({ params }) => {
      await existing(params.id);
      await contexts.sync(params.id);
      return { contextId: params.id, resyncStarted: true };
    },
    "contexts.join": async ({ params }) => ({
      data: { contextId: params.id, memberPublicKey: await join(params.id) },
    }),
    "contexts.leave": async ({ params }) => {
      await existing(params.id);
      await contexts.deleteContext(params.id);
      return { data: { contextId: params.id } };
    },
  };
}

function inputOf(body: CreateBody): CreateContextInput {
  return {
    applicationId: body.applicationId,
    initializationParams: body.initializationParams,
    ...(body.contextSeed === undefined ? {} : { seed: base58.decode(body.contextSeed) }),
    ...(body.groupId === undefined ? {} : { groupId: body.groupId }),
    ...(body.identitySecret === undefined ? {} : { identitySecret: base58.decode(body.identitySecret) }),
    ...(body.alias === undefined ? {} : { alias: body.alias }),
    ...(body.serviceName === undefined ? {} : { service: body.serviceName }),
    ...(body.name === undefined ? {} : { name: body.name }),
  };
}

function viewOf(context: Context): z.input<typeof contextSchema> {
  return {
    id: context.id,
    applicationId: context.applicationId,
    ...(context.service === "default" ? {} : { serviceName: context.service }),
    ...(context.version === "" ? {} : { applicationVersion: context.version }),
    rootHash: context.rootHash,
    contextStateHash: context.rootHash,
    dagHeads: context.dagHeads.map((head) => [...bytesOf(head)]),
    groupId: context.groupId,
  };
}
