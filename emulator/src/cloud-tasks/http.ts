/**
 * The wire: Cloud Tasks v2 over REST, and the same JSON without `/v2`, which is what firebase-admin sends to
 * `CLOUD_TASKS_EMULATOR_HOST`. One port serves both. Errors have Google's shape.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { checkedQueueName } from "./names.ts";
import { queueFromWire, queueToWire, type QueueRecord } from "./queue.ts";
import type { CloudTasksState } from "./state.ts";
import { taskToWire } from "./task.ts";
import { enumAt, invalid, numberAt, objectAt, stringAt, VIEWS, type Json } from "./wire.ts";

interface Call {
  /** Resource name, without the verb after the colon. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: Json;
  readonly enumsAsNumbers: boolean;
}

type Handler = (state: CloudTasksState, call: Call) => Json;

const LOCATION = "projects/[^/:]+/locations/[^/:]+";
const QUEUE = `${LOCATION}/queues/[^/:]+`;
const TASK = `${QUEUE}/tasks/[^/:]+`;

/** First match wins. The resource name is the first group. */
const ROUTES: readonly { method: string; path: RegExp; handle: Handler }[] = [
  route("POST", `(${LOCATION})/queues`, (state, call) => {
    const name = checkedQueueName(stringAt(call.body["name"], "queue.name") ?? "");
    if (!name.startsWith(`${call.name}/queues/`)) throw invalid("queue.name", `must start with ${call.name}/queues/`);
    return queueOut(state.createQueue(queueFromWire(name, call.body)), call);
  }),
  route("GET", `(${LOCATION})/queues`, (state, call) => ({
    queues: state.listQueues(call.name).map((queue) => queueOut(queue, call)),
  })),
  route("GET", `(${QUEUE})`, (state, call) => queueOut(state.getQueue(call.name), call)),
  route("PATCH", `(${QUEUE})`, (state, call) => queueOut(patchQueue(state, call), call)),
  route("DELETE", `(${QUEUE})`, (state, call) => (state.deleteQueue(call.name), {})),
  route("POST", `(${QUEUE}):pause`, (state, call) => queueOut(state.setQueueState(call.name, "PAUSED"), call)),
  route("POST", `(${QUEUE}):resume`, (state, call) => queueOut(state.setQueueState(call.name, "RUNNING"), call)),
  route("POST", `(${QUEUE}):purge`, (state, call) => queueOut(state.purgeQueue(call.name), call)),
  route("POST", `(${QUEUE})/tasks`, (state, call) => {
    const task = objectAt(call.body["task"], "task");
    if (task === undefined) throw invalid("task", "is required");
    return taskToWire(state.createTask(call.name, task), viewOf(call, call.body["responseView"]), call.enumsAsNumbers);
  }),
  route("GET", `(${QUEUE})/tasks`, (state, call) => {
    const pageSize = numberAt(call.query.get("pageSize"), "pageSize") ?? 0;
    const page = state.listTasks(call.name, pageSize, call.query.get("pageToken") ?? "");
    const view = viewOf(call);
    return {
      tasks: page.items.map((task) => taskToWire(task, view, call.enumsAsNumbers)),
      ...(page.next === undefined ? {} : { nextPageToken: page.next }),
    };
  }),
  route("GET", `(${TASK})`, (state, call) => taskToWire(state.getTask(call.name), viewOf(call), call.enumsAsNumbers)),
  route("DELETE", `(${TASK})`, (state, call) => (state.deleteTask(call.name), {})),
  route("POST", `(${TASK}):run`, (state, call) =>
    taskToWire(state.runTask(call.name), viewOf(call, call.body["responseView"]), call.enumsAsNumbers),
  ),
];

function route(method: string, path: string, handle: Handler): (typeof ROUTES)[number] {
  return { method, path: new RegExp(`^/(?:v2/)?${path}$`), handle };
}

function queueOut(queue: QueueRecord, call: Call): Json {
  return queueToWire(queue, call.enumsAsNumbers);
}

function viewOf(call: Call, inBody?: unknown): "BASIC" | "FULL" {
  const given = inBody ?? call.query.get("responseView") ?? undefined;
  const number = typeof given === "string" && /^\d$/.test(given) ? Number(given) : given;
  return enumAt(VIEWS, number, "responseView") ?? "BASIC";
}

/** Changes what `updateMask` names, or everything; makes the queue where there is none, as the real one does. */
function patchQueue(state: CloudTasksState, call: Call): QueueRecord {
  const before = state
    .listQueues(call.name.slice(0, call.name.lastIndexOf("/queues/")))
    .find((q) => q.name === call.name);
  const mask = (call.query.get("updateMask") ?? "").split(",").filter((path) => path !== "");
  const given = mask.length === 0 ? call.body : Object.fromEntries(mask.flatMap((path) => picked(call.body, path)));
  return state.declareQueue(queueFromWire(checkedQueueName(call.name), merged(given, call.body, mask), before));
}

/** The top-level field that holds `path` (`retryConfig.maxAttempts`, also in snake case). */
function picked(body: Json, path: string): [string, unknown][] {
  const top = camel(path.split(".")[0] ?? "");
  return [[top, body[top]]];
}

/** Narrows each field to the members that the mask names, where it names members. */
function merged(given: Json, body: Json, mask: readonly string[]): Json {
  const out: Record<string, unknown> = { ...given };
  for (const top of Object.keys(given)) {
    const members = mask
      .filter((path) => camel(path).startsWith(`${top}.`))
      .map((path) => camel(path.split(".")[1] ?? ""));
    if (members.length === 0) continue;
    const whole = objectAt(body[top], top) ?? {};
    out[top] = Object.fromEntries(members.map((member) => [member, whole[member]]));
  }
  return out;
}

function camel(path: string): string {
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Google's JSON of an error. */
export function errorToWire(thrown: unknown): { status: number; body: Json } {
  const code = thrown instanceof ShoalError ? thrown.code : "internal";
  const table: Partial<Record<ShoalError["code"], readonly [number, string]>> = {
    invalid_argument: [400, "INVALID_ARGUMENT"],
    malformed_json: [400, "INVALID_ARGUMENT"],
    payload_too_large: [400, "INVALID_ARGUMENT"],
    not_found: [404, "NOT_FOUND"],
    already_exists: [409, "ALREADY_EXISTS"],
    unavailable: [503, "UNAVAILABLE"],
  };
  const [status, name] = table[code] ?? [500, "INTERNAL"];
  return { status, body: { error: { code: status, message: messageOf(thrown), status: name } } };
}

export function createHttpFace(state: CloudTasksState, log: Log): Server {
  return createServer((request, response) => {
    answer(state, request)
      .catch((thrown: unknown) => {
        const failure = errorToWire(thrown);
        if (failure.status >= 500) log.error({ err: thrown, path: request.url }, "Cloud Tasks request failed");
        return failure;
      })
      .then(({ status, body }) => {
        const text = JSON.stringify(body);
        response.writeHead(status, {
          "content-type": "application/json; charset=UTF-8",
          "content-length": Buffer.byteLength(text),
        });
        response.end(text);
      })
      .catch((thrown: unknown) => log.debug({ err: thrown }, "an answer could not be sent"));
  });
}

async function answer(state: CloudTasksState, request: IncomingMessage): Promise<{ status: number; body: Json }> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const path = decodeURIComponent(url.pathname);
  const body = await readJson(request);
  for (const each of ROUTES) {
    const match = each.method === request.method ? each.path.exec(path) : null;
    if (match === null) continue;
    const enumsAsNumbers = (url.searchParams.get("$alt") ?? url.searchParams.get("alt") ?? "").includes(
      "enum-encoding=int",
    );
    const call: Call = { name: match[1] ?? "", query: url.searchParams, body, enumsAsNumbers };
    return { status: 200, body: each.handle(state, call) };
  }
  throw new ShoalError("not_found", `Cloud Tasks has no method at ${request.method} ${path}`);
}

const MOST_BODY_BYTES = 4 * 1_048_576;

async function readJson(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BODY_BYTES) throw new ShoalError("payload_too_large", "Request payload size exceeds the limit");
    chunks.push(chunk);
  }
  if (length === 0) return {};
  try {
    return objectAt(JSON.parse(Buffer.concat(chunks).toString("utf8")), "body") ?? {};
  } catch (thrown) {
    throw new ShoalError("malformed_json", "Invalid JSON payload received.", { cause: thrown });
  }
}
