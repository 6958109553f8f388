/**
 * A new context: key, group, `init`. Everything that makes it one is in a single batch, so there is either a whole context or
 * none, wherever the node dies.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { CreateContextInput, CreateContextResult } from "../../clients/context-client.ts";
import type { Context } from "../../model/context.ts";
import type { ContextId } from "../../model/ids.ts";
import { keyPairOf } from "../../model/keys.ts";
import { sha256 } from "../../model/sha256.ts";
import { buildCommit, madeOf, tellStored } from "../commit.ts";
import { identityRow } from "../identities.ts";
import type { ContextParts } from "../parts.ts";
import { EMPTY_ROOT } from "../registry.ts";
import { runRequest } from "../run.ts";
import { returned } from "../rights.ts";

const INIT = "init";

export async function createContext(parts: ContextParts, input: CreateContextInput): Promise<CreateContextResult> {
  const id = contextIdOf(parts, input.seed);
  // Two creations from one seed: the second waits, and finds the first one's context.
  return parts.turns.run(id, "alone", () => create(parts, id, input));
}

async function create(parts: ContextParts, id: ContextId, input: CreateContextInput): Promise<CreateContextResult> {
  const { registry, store } = parts;
  if (registry.get(id) !== undefined) {
    throw new ShoalError("already_exists", `a context with this seed exists: ${id}`, { field: "contextSeed" });
  }
  const service = input.service ?? "default";
  const identity =
    input.identitySecret === undefined ? parts.account : keyPairOf(input.identitySecret, "identitySecret");
  const newcomer = {
    contextId: id,
    applicationId: input.applicationId,
    identity: identity.publicKey,
    ...(input.groupId === undefined ? {} : { groupId: input.groupId }),
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.service === undefined ? {} : { service: input.service }),
  };
  const { groupId, groupCreated, version: pinned } = parts.membership.placeFor(newcomer);
  const { module, version } = await installedModule(parts, input, service, pinned);
  const empty: Context = {
    id,
    applicationId: input.applicationId,
    version,
    service,
    rootHash: EMPTY_ROOT,
    dagHeads: [],
    groupId,
    isInitialized: true,
    createdAtMs: parts.clock.now(),
    deltas: 0,
  };
  const outcome = await parts.executor.run(
    runRequest(parts, {
      contextId: id,
      module,
      method: INIT,
      input: input.initializationParams,
      identity: identity.publicKey,
      mode: "write",
    }),
  );
  returned(outcome);
  const alias = input.alias === undefined ? [] : [parts.aliases.claim("context", input.alias, id)];
  const signer = { identity: identity.publicKey, secret: identity.secret };
  let made: ReturnType<typeof madeOf>;
  await parts.membership.admit(newcomer, (rows, position) => {
    // The first delta stands after the op that makes the context one: before it, nobody had a right in it.
    made = madeOf(
      buildCommit(parts, { ...signer, context: empty, outcome, ...(position === undefined ? {} : { position }) }),
    );
    const own = [...(made?.rows ?? [registry.row(empty)]), identityRow(id, identity.publicKey, identity.secret)];
    return store.apply([...rows, ...alias, ...own]);
  });
  registry.set(made?.context ?? empty);
  try {
    await store.durable();
  } finally {
    // It is there, whatever became of the sync.
    if (made?.delta !== undefined) tellStored(parts, id, made.delta);
    parts.watchers.tell("context", { contextId: id, type: "created" });
  }
  return { contextId: id, memberPublicKey: identity.publicKey, groupId, groupCreated };
}

/** The public key of a random secret, or of one that the seed decides. */
function contextIdOf(parts: ContextParts, seed: Uint8Array | undefined): ContextId {
  const secret =
    seed === undefined ? parts.random.bytes(32) : sha256(new TextEncoder().encode("shoal.context.seed"), seed);
  return keyPairOf(secret, "contextSeed").publicKey as string as ContextId;
}

interface Installed {
  /** The prepared module's blob. */
  readonly module: string;
  readonly version: string;
}

async function installedModule(
  parts: ContextParts,
  input: CreateContextInput,
  service: string,
  pinned: string | undefined,
): Promise<Installed> {
  const application = await parts.applications.get(input.applicationId, pinned);
  if (application === undefined) {
    throw new ShoalError("not_found", `no application ${input.applicationId} on this node`, { field: "applicationId" });
  }
  const module = application.modules.find((one) => one.service === service);
  if (module === undefined) {
    const known = application.modules.map((one) => one.service).join(", ");
    throw new ShoalError("invalid_argument", `no service ${service}; the application has: ${known}`, {
      field: "serviceName",
    });
  }
  return { module: module.prepared, version: application.version };
}
