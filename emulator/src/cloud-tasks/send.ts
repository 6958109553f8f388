/** Calls targets over HTTP, with an OIDC token where the task asks for one. */
import { Agent, request } from "undici";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { headersOf } from "./call.ts";
import { idOf, queueOf } from "./names.ts";
import type { Send } from "./pump.ts";

/** A service account's signed statement of who it is, for the party `audience` names. */
export type SignServiceToken = (claims: { email: string; audience: string }) => Promise<string>;

export interface Sender {
  readonly send: Send;
  close(): Promise<void>;
}

export interface SenderOptions {
  /** Where the function of a queue's name listens; asked at each attempt, since functions move when they restart. */
  readonly targetOf: (queueId: string) => string | undefined;
  readonly signToken: SignServiceToken;
}

export function createSender(options: SenderOptions): Sender {
  // The dispatch deadline ends an attempt; the client's own limits must not come first.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connectTimeout: 5000, pipelining: 1 });
  return {
    send: async (task, signal) => {
      const queueId = idOf(queueOf(task.name));
      const url = task.request.url || options.targetOf(queueId);
      if (url === undefined) throw new ShoalError("unavailable", `no function named ${queueId} is running`);
      const headers = headersOf(task);
      const oidc = task.request.oidcToken;
      if (oidc !== undefined) {
        // The reference: without an audience, it is the target's URI.
        const token = await options.signToken({ email: oidc.serviceAccountEmail, audience: oidc.audience ?? url });
        headers["authorization"] = `Bearer ${token}`;
      }
      const body = task.request.body === "" ? null : Buffer.from(task.request.body, "base64");
      const response = await request(url, { method: task.request.method, headers, body, signal, dispatcher: agent });
      await response.body.dump();
      return { status: response.statusCode, reason: `HTTP ${response.statusCode}` };
    },
    close: () => agent.destroy(),
  };
}
