/** The environment of a pod, parsed. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseProcessorConfig } from "@shoal/processor/config/config.ts";
import type { Env } from "@shoal/processor/config/reader.ts";

const problemOf = (env: Env): string => {
  try {
    parseProcessorConfig(env);
    return "";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
};

describe("a processor's environment", () => {
  test("of nobody: a developer's machine, loopback, any port", () => {
    expect(parseProcessorConfig({})).toMatchObject({
      identity: { processorId: "local", epoch: 0, migrating: false },
      log: { level: "debug", format: "json" },
      http: { host: "127.0.0.1", port: 0, healthPath: "/health" },
      limits: { startup: 30_000, shutdown: 10_000, capture: 25_000, maxStateBytes: 8 * 1024 * 1024, warnAt: 0.75 },
      restarts: { alertAt: 3, goldenAt: 3, backoff: 10_000 },
      state: { backend: "local" },
    });
  });

  test("of a pod in a cluster: production's preset, then its variables", () => {
    const cluster = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443", POD_IP: "10.1.2.3" };
    expect(
      parseProcessorConfig({ ...cluster, POD_NAME: "p-1", DORY_EPOCH: "7", DORY_LOG_LEVEL: "WARNING" }),
    ).toMatchObject({
      identity: { podName: "p-1", epoch: 7 },
      log: { level: "warn" },
      http: { host: "10.1.2.3" },
      limits: { startup: 120_000 },
      state: { backend: "configmap", api: { url: "https://10.0.0.1:443" } },
    });
    expect(parseProcessorConfig({ ...cluster, DORY_PRESET: "high-availability" })).toMatchObject({
      limits: { shutdown: 60_000 },
      state: { backend: "pvc", folder: "/data" },
    });
    const six = { ...cluster, KUBERNETES_SERVICE_HOST: "fd00::1" };
    expect(parseProcessorConfig(six).state).toMatchObject({ api: { url: "https://[fd00::1]:443" } });
  });

  test("with a place: a geohash, or both coordinates", () => {
    const place = { DORY_LATITUDE: "52.52", DORY_LONGITUDE: "13.405" };
    expect(parseProcessorConfig(place).output.place).toEqual({ latitude: 52.52, longitude: 13.405 });
    expect(parseProcessorConfig({ ...place, DORY_GEOHASH: "u33db" }).output.place).toEqual({ geohash: "u33db" });
    expect(problemOf({ DORY_LATITUDE: "52.52" })).toContain("set together or not at all");
    expect(problemOf({ ...place, DORY_LONGITUDE: "181" })).toContain(
      "DORY_LONGITUDE has to be a number from -180 to 180",
    );
    expect(problemOf({ DORY_GEOHASH: "alice" })).toContain("DORY_GEOHASH");
    expect(problemOf({ DORY_RABBITMQ_URL: "http://x" })).toContain("an amqp(s) URL");
  });

  test("never shows its secrets", () => {
    const bucket = { DORY_STATE_S3_BUCKET: "b", AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "hunter2" };
    const secrets = { DORY_STATE_TOKEN: "hunter2", DORY_RABBITMQ_URL: "amqp://u:hunter2@h" };
    const config = parseProcessorConfig({ DORY_STATE_BACKEND: "s3", ...secrets, ...bucket });
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain("hunter2");
  });

  test("that is wrong is told all at once, by name", () => {
    const problem = problemOf({
      DORY_STARTUP_TIMEOUT_SEC: "301",
      DORY_HEALTH_PORT: "http",
      DORY_EPOCH: "-1",
      DORY_PROCESSOR_ID: "a.b",
      DORY_PRESET: "best",
      DORY_HEALTH_PATH: "health",
      DORY_IS_MIGRATING: "perhaps",
      DORY_STATE_BACKEND: "s3",
      DORY_STATE_S3_ENDPOINT: "ftp://x",
    });
    expect(problem.split("\n").map((line) => line.split(" ", 1)[0])).toEqual([
      "the",
      "DORY_PRESET",
      "DORY_PROCESSOR_ID",
      "DORY_EPOCH",
      "DORY_IS_MIGRATING",
      "DORY_HEALTH_PORT",
      "DORY_HEALTH_PATH",
      "DORY_STARTUP_TIMEOUT_SEC",
      "DORY_STATE_S3_ENDPOINT",
      "DORY_STATE_S3_BUCKET",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
    ]);
    expect(problemOf({ DORY_STATE_BACKEND: "configmap" })).toContain("KUBERNETES_SERVICE_HOST");
    expect(problemOf({ DORY_STATE_BACKEND: "redis" })).toContain("one of local, pvc, configmap, s3");
  });
});
