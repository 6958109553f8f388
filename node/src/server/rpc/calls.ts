/** What JSON-RPC and sockets can ask of contexts; who asks is judged here, for the context and identity that is meant. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { executeParamsSchema, RpcRequest } from "@shoal/shared/wire/node/rpc.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";
import type { z } from "zod";
import type { ContextClient, ExecuteInput } from "../../clients/context-client.ts";
import { ExecuteFailure } from "../../context/execute-failure.ts";
import type { ContextId, PublicKey } from "../../model/ids.ts";
import type { Authorize } from "../authorize.ts";
import type { ExecutionResult, ServerMetrics } from "../metrics.ts";
import type { Executors } from "./executors.ts";
import { OutputError, RpcParseError } from "./failure.ts";

type ExecuteParams = z.output<typeof executeParamsSchema>;
type ParamsOf<Method extends RpcRequest["method"]> = Extract<RpcRequest, { method: Method }>["params"];

/** Each gives the result's JSON text. `request`: whose token is judged. */
export interface Calls {
  execute(request: Request, params: ExecuteParams): Promise<string>;
  syncStatus(request: Request, params: ParamsOf<"sync_status">): Promise<string>;
  setEphemeral(request: Request, params: ParamsOf<"set_ephemeral">): Promise<string>;
}

export function createCalls(init: {
  readonly contexts: ContextClient;
  readonly executors: Executors;
  readonly authorize: Authorize;
  readonly metrics: ServerMetrics;
  readonly clock: Pick<Clock, "monotonic">;
  /** A read-only node runs nothing that it is asked to. */
  readonly readOnly: boolean;
}): Calls {
  const { contexts, executors, authorize, metrics, clock } = init;

  /** Who acts; throws where the caller may not act as them. */
  const actor = async (
    request: Request,
    context: ContextId,
    named: PublicKey | undefined,
    method: string | undefined,
  ): Promise<PublicKey | undefined> => {
    if (!authorize.guarded) return named;
    const identity = named ?? (await executors.of(context).catch(() => undefined));
    const scope = [context, identity ?? "", ...(method === undefined ? [] : [method])].join(",");
    await authorize(request, `context:execute[${scope}]`);
    return identity;
  };

  const run = async (request: Request, params: ExecuteParams): Promise<string> => {
    if (init.readOnly) throw new ShoalError("permission_denied", "this node is read-only: it executes nothing");
    const args = argumentsOf(params.argsJson);
    const executor = await actor(request, params.contextId, params.executorPublicKey, params.method);
    const input: ExecuteInput = {
      contextId: params.contextId,
      method: params.method,
      args,
      ...(executor === undefined ? {} : { executor }),
      ...(params.substitute === undefined ? {} : { substitute: params.substitute }),
    };
    const { output } = await contexts.execute(input);
    return output === undefined ? `{"output":null}` : `{"output":${outputOf(output)}}`;
  };

  return {
    execute: async (request, params) => {
      const began = clock.monotonic();
      const ended = (result: ExecutionResult): void => metrics.execution(result, (clock.monotonic() - began) / 1000);
      try {
        const result = await run(request, params);
        ended("ok");
        return result;
      } catch (thrown) {
        const reason = thrown instanceof ExecuteFailure ? thrown.reason.type : undefined;
        if (reason === "Unauthorized") executors.forget(params.contextId);
        ended(reason ?? (thrown instanceof OutputError ? "SerdeError" : "Refused"));
        throw thrown;
      }
    },
    syncStatus: async (request, { contextId }) => {
      await authorize(request, `context:list[${contextId}]`);
      const { lastError = null, ...status } = await contexts.syncStatus(contextId);
      return JSON.stringify({ ...status, lastError });
    },
    setEphemeral: async (request, { contextId, state }) => {
      await actor(request, contextId, undefined, undefined);
      await contexts.setEphemeral(contextId, state);
      return "{}";
    },
  };
}

function argumentsOf(value: Readonly<Record<string, unknown>>): Uint8Array {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    throw new RpcParseError("params.argsJson: nested too deeply");
  }
  const bytes = Buffer.from(text);
  if (bytes.length > NODE_CAPS.argumentBytes)
    throw new RpcParseError(`params.argsJson: larger than ${NODE_CAPS.argumentBytes} bytes`);
  return bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The guest's JSON goes out as it is, so that no number of it is rounded; it only has to be JSON. */
function outputOf(output: Uint8Array): string {
  try {
    const text = utf8.decode(output);
    JSON.parse(text);
    return text;
  } catch {
    throw new OutputError("the method's output is not JSON");
  }
}
