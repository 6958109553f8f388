/** Metrics over a real database, asked as a scraper does, and a proxy behind which the database falls silent. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createMetrics, type MetricsInit } from "@shoal/functions/metrics/metrics.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "../../../support/clock.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export function scraper(
  database: MetricsInit["database"],
  clock: MetricsInit["clock"] = systemClock,
): (path: string, method?: string) => Promise<Answer> {
  const app = createMetrics({ database, clock, random: seeded(7), log: silentLog });
  return async (path, method = "GET") => {
    const response = await app.request(path, { method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

/**
 * Series to value. Refuses what a scraper would: a line that is no sample, a series twice, a family without help and type.
 */
export function parse(text: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>();
  const described = { HELP: new Set<string>(), TYPE: new Set<string>() };
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment !== null) {
      described[comment[1] as "HELP" | "TYPE"].add(comment[2] ?? "");
      continue;
    }
    const sample = /^(([a-z_]+)(?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})?) (\S+)$/.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    const [, name = "", metric = "", value] = sample;
    const family = metric.replace(/_(bucket|sum|count)$/, "");
    for (const words of Object.values(described))
      if (!words.has(family) && !words.has(metric)) throw new Error(`${metric} is not described`);
    if (series.has(name)) throw new Error(`${name} is there twice`);
    if (Number.isNaN(Number(value))) throw new Error(`not a number: ${line}`);
    series.set(name, Number(value));
  }
  return series;
}

/** The address of a database behind a proxy that can fall silent: connections stay open, nothing passes any more. */
export async function stallable(url: string): Promise<{
  readonly url: string;
  stall(): void;
  resume(): void;
  close(): Promise<void>;
}> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let stalled = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => {
        if (!stalled) to.write(chunk);
      });
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(typeof address === "object" && address !== null ? address.port : 0);
  return {
    url: through.href,
    stall: () => (stalled = true),
    resume: () => {
      stalled = false;
      // What was swallowed is lost: those connections never come right again.
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
