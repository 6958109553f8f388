/** What one stream is subscribed to, and whether its client may be told of it. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { SUBSCRIPTION_CAPS, type Topics } from "@shoal/shared/wire/node/streams.ts";
import type { ContextId, GroupId } from "../../model/ids.ts";
import type { Authorize } from "../authorize.ts";
import type { Topic } from "./hub.ts";

export interface Subscriptions {
  readonly contexts: Set<ContextId>;
  readonly groups: Set<GroupId>;
}

export const noSubscriptions = (): Subscriptions => ({ contexts: new Set(), groups: new Set() });

/** The topics that a client may be told of. Throws `permission_denied` where it asked for some and may have none. */
export async function allowedTopics(authorize: Authorize, request: Request, asked: Topics): Promise<Topics> {
  if (!authorize.guarded) return asked;
  const contextIds: ContextId[] = [];
  const groupIds: GroupId[] = [];
  let refused: ShoalError | undefined;
  const may = async (required: string): Promise<boolean> => {
    try {
      await authorize(request, required);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ShoalError) || thrown.code !== "permission_denied") throw thrown;
      refused ??= thrown;
      return false;
    }
  };
  for (const id of asked.contextIds) if (await may(`context:list[${id}]`)) contextIds.push(id);
  for (const id of asked.groupIds) if (await may(`group:list[${id}]`)) groupIds.push(id);
  if (refused !== undefined && contextIds.length + groupIds.length === 0) throw refused;
  return { contextIds, groupIds };
}

/** Throws `invalid_argument` where there would be more than a stream may have. */
export function include({ contexts, groups }: Subscriptions, topics: Topics): void {
  const { perStream } = SUBSCRIPTION_CAPS;
  const more = topicsOf(topics).filter((id) => !contexts.has(id as ContextId) && !groups.has(id as GroupId));
  if (contexts.size + groups.size + new Set(more).size > perStream)
    throw new ShoalError("invalid_argument", `a stream has at most ${perStream} subscriptions`);
  for (const id of topics.contextIds) contexts.add(id);
  for (const id of topics.groupIds) groups.add(id);
}

export function exclude({ contexts, groups }: Subscriptions, topics: Topics): void {
  for (const id of topics.contextIds) contexts.delete(id);
  for (const id of topics.groupIds) groups.delete(id);
}

export function listed({ contexts, groups }: Subscriptions): Topics {
  return { contextIds: [...contexts], groupIds: [...groups] };
}

export function topicsOf({ contextIds, groupIds }: Topics): readonly Topic[] {
  return [...contextIds, ...groupIds];
}
