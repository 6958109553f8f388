/**
 * The queue port on Cloud Tasks, over REST with the platform's fetch. Enqueueing is one POST of a known shape, while
 * @google-cloud/tasks costs a cold start 300 ms of CPU and 45 MB (measured: 308 ms against 2 ms, 91 MB against 45 MB), which
 * is more than the rest of a function's start. The conformance suite holds this adapter and the real client to one server.
 */
import { isRetryable, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { toIso } from "@shoal/shared/base/time.ts";
import type { Queue, QueueName, WakeUp } from "@shoal/shared/ports/queue.ts";
import type { AccessToken } from "./access-token.ts";

export const CLOUD_TASKS_ENDPOINT = "https://cloudtasks.googleapis.com/v2";

export interface CloudTasksQueueConfig {
  readonly project: string;
  /** Where the queues are, e.g. `europe-west1`. */
  readonly location: string;
  /** With the version; stand-ins, ours and firebase-tools', serve the same paths without one. */
  readonly endpoint: string;
  /** URL of the function behind each queue. Cloud Tasks requires it; the stand-in knows its functions by the queue's name. */
  readonly targets?: Readonly<Record<QueueName, string>>;
  /** As whom Cloud Tasks calls the function: the only account that may invoke it. */
  readonly serviceAccountEmail: string;
  /** Absent for the stand-in, which asks nobody who they are. */
  readonly accessToken?: AccessToken;
  /** Of one attempt, 5 s unless given. */
  readonly timeoutMs?: number;
}

/** Throws `unavailable` where the service cannot be reached or is overloaded, `internal` where it refuses our set-up. */
export function createCloudTasksQueue(config: CloudTasksQueueConfig): Queue {
  return {
    wake: async (wakeUp) => {
      try {
        return await attempt(config, wakeUp);
      } catch (thrown) {
        if (!(thrown instanceof ShoalError) || thrown.code === "internal" || !isRetryable(thrown.code)) throw thrown;
        // Once more, as a kept connection may have been closed under us. Twice the same wake-up costs nothing.
        return attempt(config, wakeUp);
      }
    },
  };
}

async function attempt(config: CloudTasksQueueConfig, wakeUp: WakeUp): Promise<"created" | "duplicate"> {
  const queue = `projects/${config.project}/locations/${config.location}/queues/${wakeUp.queue}`;
  const token = await config.accessToken?.get();
  const response = await fetch(`${config.endpoint}/${queue}/tasks`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token.reveal()}` }),
    },
    body: JSON.stringify({ task: taskOf(config, queue, wakeUp) }),
    signal: AbortSignal.timeout(config.timeoutMs ?? 5000),
  }).catch((thrown: unknown) => {
    throw new ShoalError("unavailable", `Cloud Tasks cannot be reached: ${messageOf(thrown)}`, { cause: thrown });
  });
  // Read to its end in any case, or the connection is not used again.
  const text = await response.text().catch(() => "");
  if (response.ok) return "created";
  if (response.status === 409) return "duplicate";
  if (response.status === 401) config.accessToken?.forget();
  const isTheirs = response.status >= 500 || response.status === 429 || response.status === 401;
  throw new ShoalError(
    isTheirs ? "unavailable" : "internal",
    `Cloud Tasks answered ${response.status} for queue ${wakeUp.queue}: ${sentenceOf(text)}`,
  );
}

function taskOf(config: CloudTasksQueueConfig, queue: string, wakeUp: WakeUp): object {
  const url = config.targets?.[wakeUp.queue] ?? "";
  return {
    ...(wakeUp.taskId === undefined ? {} : { name: `${queue}/tasks/${wakeUp.taskId}` }),
    ...(wakeUp.notBefore === undefined ? {} : { scheduleTime: toIso(wakeUp.notBefore) }),
    httpRequest: {
      url,
      httpMethod: "POST",
      headers: { "Content-Type": "application/json" },
      // What onTaskDispatched takes: an object with the one key `data`.
      body: Buffer.from(JSON.stringify({ data: wakeUp.data })).toString("base64"),
      oidcToken: { serviceAccountEmail: config.serviceAccountEmail, ...(url === "" ? {} : { audience: url }) },
    },
  };
}

/** Google's own message, if the body holds one. */
function sentenceOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } };
    return error?.message ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}
