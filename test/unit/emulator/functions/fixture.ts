/** Functions as `functions/src/main.ts` declares them, for the platform that serves them. */
import { getRequestListener } from "@hono/node-server";
import { onRequest } from "firebase-functions/v2/https";
import { onSchedule } from "firebase-functions/v2/scheduler";
import { onTaskDispatched } from "firebase-functions/v2/tasks";
import { Hono } from "hono";

const seen: unknown[] = [];
const app = new Hono();
app.get("/api/v1/hello", (context) => context.json({ hello: process.env["GREETING"] ?? "", pid: process.pid }));
app.get("/api/v1/environment", (context) => context.json(process.env));
app.get("/api/v1/slow", async (context) => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return context.text("done");
});
const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });

export const api = onRequest({ invoker: "public" }, (request, response) => listener(request, response));

export const dispatch = onTaskDispatched(
  { retryConfig: { maxAttempts: 4, minBackoffSeconds: 1 }, rateLimits: { maxConcurrentDispatches: 6 } },
  (request) => {
    process.stdout.write(
      `${JSON.stringify({ severity: "WARNING", message: "dispatched", data: request.data, queue: request.queueName, email: request.auth?.token.email })}\n`,
    );
    seen.push(request.data);
  },
);

export const tick = onSchedule({ schedule: "every 1 minutes", timeZone: "Etc/UTC", retryCount: 2 }, (event) => {
  process.stdout.write(
    `${JSON.stringify({ level: 30, msg: "ticked", job: event.jobName, due: event.scheduleTime })}\n`,
  );
});
