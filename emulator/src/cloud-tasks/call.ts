/** A task as an HTTP request: what Cloud Tasks adds to what the task says. */
import { idOf, queueOf } from "./names.ts";
import type { TaskRecord } from "./task.ts";

/** Header that only the service may set, in lower case. */
const OURS = /^(x-cloudtasks-|x-google-|x-appengine-|host$|content-length$|transfer-encoding$|connection$)/;

/** Header names in lower case, so that a caller's `Content-Type` and ours cannot both be sent. */
export function headersOf(task: TaskRecord): Record<string, string> {
  const given = Object.entries(task.request.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const headers: Record<string, string> = {
    "user-agent": "Google-Cloud-Tasks",
    ...(task.request.body === "" ? {} : { "content-type": "application/octet-stream" }),
    ...Object.fromEntries(given.filter(([name]) => !OURS.test(name))),
    "x-cloudtasks-queuename": idOf(queueOf(task.name)),
    "x-cloudtasks-taskname": idOf(task.name),
    "x-cloudtasks-taskretrycount": String(task.dispatchCount - 1),
    "x-cloudtasks-taskexecutioncount": String(task.responseCount),
    "x-cloudtasks-tasketa": (task.scheduleTime / 1000).toFixed(6),
  };
  const last = task.lastAttempt;
  if (last?.status !== undefined) headers["x-cloudtasks-taskpreviousresponse"] = String(last.status);
  if (last?.reason !== undefined) headers["x-cloudtasks-taskretryreason"] = printable(last.reason);
  return headers;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, " ").slice(0, 200);
}
