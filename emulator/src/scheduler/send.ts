/** A fire as the function sees it: a POST with the service's headers and a token that says who is calling. */
import { Agent, request } from "undici";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { toIso } from "@shoal/shared/base/time.ts";
import type { SignServiceToken } from "../cloud-tasks/send.ts";
import type { SendFire } from "./scheduler.ts";

export interface FireSender {
  readonly send: SendFire;
  close(): Promise<void>;
}

export function createFireSender(options: {
  /** Where a function listens; asked at each fire. */
  readonly targetOf: (functionName: string) => string | undefined;
  readonly signToken: SignServiceToken;
  readonly serviceAccountEmail: string;
}): FireSender {
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connectTimeout: 5000 });
  return {
    send: async (fire, signal) => {
      const url = options.targetOf(fire.functionName);
      if (url === undefined) throw new ShoalError("unavailable", `no function named ${fire.functionName} is running`);
      const token = await options.signToken({ email: options.serviceAccountEmail, audience: url });
      const response = await request(url, {
        method: "POST",
        headers: {
          "user-agent": "Google-Cloud-Scheduler",
          "content-type": "application/octet-stream",
          "x-cloudscheduler": "true",
          "x-cloudscheduler-jobname": fire.jobName,
          "x-cloudscheduler-scheduletime": toIso(fire.scheduleTime),
          authorization: `Bearer ${token}`,
        },
        signal,
        dispatcher: agent,
      });
      await response.body.dump();
      return response.statusCode;
    },
    close: () => agent.destroy(),
  };
}
