/**
 * Calls from one context into another on the same node, after the caller's commit. They are sent and forgotten: the caller
 * hears no result, subscribers of the source hear the outcome.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { idOf, type ContextId } from "../model/ids.ts";
import type { RunXCall } from "../runtime/contract.ts";
import { abiMethod } from "./abi.ts";
import { actingIdentity, authorised, returned } from "./rights.ts";
import type { ContextParts } from "./parts.ts";
import { resolveModule, runCall } from "./run.ts";

/** A call that a call caused that a call caused; deeper ones are denied. */
export const MAX_XCALL_DEPTH = 3;

/** Starts the calls one after the other; never throws and is not waited for. */
export function dispatchXCalls(
  parts: ContextParts,
  source: ContextId,
  xcalls: readonly RunXCall[],
  depth: number,
): void {
  if (xcalls.length > 0) void inOrder(parts, source, xcalls, depth);
}

async function inOrder(
  parts: ContextParts,
  source: ContextId,
  xcalls: readonly RunXCall[],
  depth: number,
): Promise<void> {
  for (const xcall of xcalls) {
    const target = idOf<ContextId>(xcall.context);
    let outcome = "Ok";
    try {
      await one(parts, source, target, xcall, depth);
    } catch (thrown) {
      outcome = messageOf(thrown);
      parts.log.warn({ source, target, method: xcall.method, err: thrown }, "xcall failed");
    }
    parts.events.publish({
      contextId: source,
      event: { type: "XCall", targetContextId: target, function: xcall.method, outcome },
    });
  }
}

async function one(
  parts: ContextParts,
  source: ContextId,
  target: ContextId,
  xcall: RunXCall,
  depth: number,
): Promise<void> {
  if (depth > MAX_XCALL_DEPTH) throw new Error(`denied: xcalls nest at most ${MAX_XCALL_DEPTH} deep`);
  if (parts.registry.get(target) === undefined) throw new Error("denied: no such context on this node");
  if (!parts.membership.mayCallAcross(source, target)) throw new Error("denied: the contexts share no namespace");
  await parts.membership.beforeUse(target);
  const { module } = await resolveModule(parts, target);
  // Only the third generation marks methods as callable; an ABI that says nothing of it forbids nothing.
  if (abiMethod(module.abi, xcall.method)?.xcall_callable === false) throw new Error("denied: not callable by xcall");
  const call = authorised(parts, target, await actingIdentity(parts, target, undefined));
  const outcome = await runCall(parts, { ...call, method: xcall.method, input: xcall.params, origin: source });
  returned(outcome);
  dispatchXCalls(parts, target, outcome.xcalls, depth + 1);
}
