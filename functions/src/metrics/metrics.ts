/**
 * The four addresses that tell how the control plane is. What they tell of it comes from the database, since the counters of
 * other functions' processes are not to be seen from here; it is asked once for all callers and kept for a few seconds.
 */
import { Hono, type Context } from "hono";
import { Counter, Gauge, Registry } from "prom-client";
import { httpStatusOf, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ErrorBody } from "@shoal/shared/wire/error-body.ts";
import type { Database } from "../store/database.ts";
import { appliedMigrations } from "../store/metrics/schema.ts";
import { schemaDifference } from "../store/migrate.ts";
import { FAMILIES, HEALTH_FAMILIES, type Family } from "./catalogue.ts";
import { judgeComponents, type Readiness } from "./components.ts";
import { gatherFacts, type Facts, type Timed } from "./facts.ts";
import { kept } from "./kept.ts";
import { ownMetrics } from "./own.ts";

export interface MetricsInit {
  /** A login that may become `shoal_worker`. */
  readonly database: Pick<Database, "asWorker" | "workerStatement">;
  readonly clock: Pick<Clock, "monotonic" | "sleep">;
  readonly random: Random;
  readonly log: Log;
}

/** Paths that are served, as the front routes them. */
export const METRICS_PATHS = ["/metrics", "/healthz", "/readyz", "/livez"] as const;

const FACTS = { keepFor: seconds(5), patience: seconds(3) };
const READINESS = { keepFor: seconds(1), patience: milliseconds(1500) };

export function createMetrics(init: MetricsInit): Hono {
  const { database, clock, log } = init;
  const own = new Registry();
  const { timed, failed } = ownMetrics(own, clock);
  /** A failure is counted and told once, however many wait for the answer. */
  const told =
    <T>(ask: () => Promise<T>): (() => Promise<T>) =>
    () =>
      ask().catch((thrown: unknown) => {
        failed(thrown);
        log.warn({ err: thrown }, `the database was asked in vain: ${messageOf(thrown)}`);
        throw thrown;
      });
  const facts = kept(
    told(() => gatherFacts(database, timed)),
    { clock, ...FACTS },
  );
  const schema = kept(
    told(() => probe(database, timed)),
    { clock, ...READINESS },
  );
  const readiness = (): Promise<Readiness> => schema().catch(notReady);
  const look = async (): Promise<{ readonly readiness: Readiness; readonly facts: Facts | undefined }> => {
    const [isReady, known] = await Promise.all([readiness(), facts().catch(() => undefined)]);
    return { readiness: isReady, facts: known };
  };

  const app = new Hono();
  app.get("/livez", (context) => context.json({ status: "ok" }, 200, NO_STORE));
  app.get("/readyz", async (context) => {
    const is = await readiness();
    if (is.ready) return context.json({ status: "ok" }, 200, NO_STORE);
    return refuse(context, init, new ShoalError("unavailable", is.because, { retryAfterSeconds: 2 }));
  });
  app.get("/healthz", async (context) => {
    const seen = await look();
    const components = judgeComponents(seen.readiness, seen.facts);
    const whole = Object.values(components).every(({ state }) => state === "healthy");
    const status = seen.readiness.ready ? (whole ? "ok" : "degraded") : "unavailable";
    return context.json({ status, components }, seen.readiness.ready ? 200 : 503, NO_STORE);
  });
  app.get("/metrics", async (context) => {
    const seen = await look();
    const derived = new Registry();
    exportTo(derived, HEALTH_FAMILIES, judgeComponents(seen.readiness, seen.facts));
    if (seen.facts !== undefined) exportTo(derived, FAMILIES, seen.facts);
    const text = await Registry.merge([derived, own]).metrics();
    return context.body(text, 200, { ...NO_STORE, "Content-Type": derived.contentType });
  });
  for (const path of METRICS_PATHS)
    app.all(path, (context) => {
      context.header("Allow", "HEAD, GET");
      return refuse(context, init, new ShoalError("method_not_allowed", "this address takes HEAD, GET"));
    });
  app.notFound((context) => refuse(context, init, new ShoalError("not_found", "there is nothing at this address")));
  app.onError((thrown, context) => {
    log.error({ err: thrown }, "a request failed by a fault of ours");
    return refuse(context, init, new ShoalError("internal", "something went wrong on our side", { cause: thrown }));
  });
  return app;
}

const NO_STORE = { "Cache-Control": "no-store" };

async function probe(database: MetricsInit["database"], timed: Timed): Promise<Readiness> {
  const applied = await timed("schema", () => database.asWorker(appliedMigrations));
  const difference = await schemaDifference(applied);
  return difference === undefined ? { ready: true } : { ready: false, because: difference };
}

/** What the database said in its own words goes to the log alone. */
function notReady(thrown: unknown): Readiness {
  const because = thrown instanceof ShoalError ? thrown.message : "the database does not tell which schema it has";
  return { ready: false, because };
}

function exportTo<From>(registry: Registry, families: readonly Family<From>[], from: From): void {
  for (const { name, type, help, labels, read } of families) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const samples = read(from);
    // One without labels would be exported as 0.
    if (samples.length === 0) continue;
    if (type === "counter") {
      const counter = new Counter(options);
      for (const sample of samples) counter.inc(sample.labels, sample.value);
    } else {
      const gauge = new Gauge(options);
      for (const sample of samples) gauge.set(sample.labels, sample.value);
    }
  }
}

function refuse(context: Context, { random }: MetricsInit, error: ShoalError): Response {
  const requestId = makeId<string>("request", random);
  const body: ErrorBody = { error: { code: error.code, message: error.message, requestId } };
  context.header("Cache-Control", "no-store");
  if (error.retryAfterSeconds !== undefined) context.header("Retry-After", String(error.retryAfterSeconds));
  return context.json(body, httpStatusOf(error.code) as 404 | 405 | 500 | 503);
}
