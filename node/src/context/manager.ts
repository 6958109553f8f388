/** The context manager: an actor over the contexts of this node. What each message does is in `handlers/`. */
import { startActor, type Actor } from "../actors/actor.ts";
import { collectOrphan, collectTombstones } from "./handlers/collect.ts";
import { createContext } from "./handlers/create-context.ts";
import { deleteContext } from "./handlers/delete-context.ts";
import { execute } from "./handlers/execute.ts";
import { getContext, identitiesOf, listContexts, measureStorage, syncStatus } from "./handlers/queries.ts";
import { joinContext } from "./handlers/join-context.ts";
import { setEphemeral } from "./handlers/set-ephemeral.ts";
import { sync } from "./handlers/sync.ts";
import { updateApplication } from "./handlers/update-application.ts";
import type { ContextMessage } from "./messages.ts";
import type { ContextParts } from "./parts.ts";

export function startContextManager(parts: ContextParts, onStopped?: (reason: unknown) => void): Actor<ContextMessage> {
  return startActor<ContextMessage>({
    name: "contexts",
    log: parts.log,
    clock: parts.clock,
    create: () => (message) => handle(parts, message),
    ...(onStopped === undefined ? {} : { onStopped }),
  });
}

function handle(parts: ContextParts, message: ContextMessage): Promise<unknown> {
  switch (message.type) {
    case "Execute":
      return execute(parts, message.input);
    case "CreateContext":
      return createContext(parts, message.input);
    case "JoinContext":
      return joinContext(parts, message.input);
    case "DeleteContext":
      return deleteContext(parts, message.id);
    case "ListContexts":
      return listContexts(parts);
    case "GetContext":
      return getContext(parts, message.id);
    case "UpdateApplication":
      return updateApplication(parts, message.input);
    case "ListIdentities":
      return identitiesOf(parts, message.id);
    case "MeasureStorage":
      return measureStorage(parts, message.id);
    case "Sync":
      return sync(parts, message.id);
    case "GetSyncStatus":
      return syncStatus(parts, message.id);
    case "CollectTombstones":
      return collectTombstones(parts, message.input);
    case "CollectOrphan":
      return collectOrphan(parts, message.input);
    case "SetEphemeral":
      return setEphemeral(parts, message.id, message.state);
  }
}
