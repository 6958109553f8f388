import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseConfig, type Env, type SectionName } from "@shoal/functions/config.ts";

const PRODUCTION: Env = {
  SHOAL_MANAGER_DATABASE_URL: "postgres://api:hunter2@10.0.0.3/shoal",
  DORY_DATABASE_URL: "postgres://worker:hunter2@10.0.0.3/shoal",
  GOOGLE_CLOUD_PROJECT: "shoal-prod",
  SHOAL_LOCATION: "europe-west1",
  SHOAL_TASKS_SERVICE_ACCOUNT: "tasks@shoal-prod.iam.gserviceaccount.com",
  SHOAL_DISPATCH_URL: "https://dispatch.example.com/",
  SHOAL_RECONCILE_URL: "https://reconcile.example.com/",
  SHOAL_OIDC_ISSUER: "https://accounts.example.com",
  SHOAL_OIDC_AUDIENCE: "shoal",
  SHOAL_OIDC_JWKS_URL: "https://accounts.example.com/jwks",
  KUBECONFIG: "/secrets/kubeconfig",
  DORY_STATE_TOKEN: "hunter2",
};
const ALL: readonly SectionName[] = [
  "runtime",
  "managerDatabase",
  "workerDatabase",
  "queue",
  "identity",
  "cluster",
  "pods",
];

const problemsOf = (env: Env, sections = ALL): string => {
  try {
    parseConfig(env, sections);
    return "";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
};

describe("the configuration", () => {
  test("of production, complete", () => {
    const config = parseConfig(PRODUCTION, ["runtime", "queue", "cluster", "managerDatabase"]);
    expect(config.runtime).toEqual({ production: true, logLevel: "info", trustedProxies: 1 });
    expect(config.cluster).toMatchObject({ name: "default", namespace: "dory-apps" });
    expect(config.queue.standIn).toBeUndefined();
    expect(config.managerDatabase.url.reveal()).toContain("hunter2");
  });

  test("never shows a secret when it is printed", () => {
    const config = parseConfig(PRODUCTION, ["managerDatabase", "workerDatabase", "pods"]);
    expect(inspect(config, { depth: 10, showHidden: true }) + JSON.stringify(config)).not.toContain("hunter2");
  });

  test("asks a function only for what its sections need", () => {
    expect(problemsOf({ DORY_DATABASE_URL: "postgres://x/y" }, ["runtime", "workerDatabase"])).toBe("");
    expect(problemsOf({}, ["managerDatabase"])).toContain("SHOAL_MANAGER_DATABASE_URL is not set");
  });

  test("says everything that is wrong at once", () => {
    const said = problemsOf({ DORY_LOG_LEVEL: "loud", SHOAL_DATABASE_CONNECTIONS: "many" });
    for (const name of ["DORY_LOG_LEVEL", "SHOAL_DATABASE_CONNECTIONS", "KUBECONFIG", "DORY_STATE_TOKEN"])
      expect(said).toContain(name);
  });

  test.each([
    "CLOUD_TASKS_EMULATOR_HOST",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "PUBSUB_EMULATOR_HOST",
    "FUNCTIONS_EMULATOR",
    "FIREBASE_DEBUG_FEATURES",
    "ANY_NEW_EMULATOR_HOST",
  ])("refuses %s in production", (name) => {
    expect(problemsOf({ ...PRODUCTION, [name]: "127.0.0.1:1" }, ["runtime"])).toContain(name);
    expect(problemsOf({ ...PRODUCTION, SHOAL_ENV: "local", [name]: "127.0.0.1:1" }, ["runtime"])).toBe("");
  });

  test("refuses plain text in production", () => {
    expect(problemsOf({ ...PRODUCTION, SHOAL_OIDC_ISSUER: "http://accounts.example.com" })).toContain("https");
    expect(problemsOf({ ...PRODUCTION, DORY_DATABASE_URL: "postgres://h/d?sslmode=disable" })).toContain("sslmode");
  });

  test("takes a stand-in's queue without targets, locally only", () => {
    const { SHOAL_DISPATCH_URL: _dispatch, SHOAL_RECONCILE_URL: _reconcile, ...rest } = PRODUCTION;
    const local = { ...rest, SHOAL_ENV: "local", CLOUD_TASKS_EMULATOR_HOST: "127.0.0.1:9" };
    expect(parseConfig(local, ["queue"]).queue).toMatchObject({ standIn: "http://127.0.0.1:9", targets: undefined });
    expect(problemsOf(rest, ["queue"])).toContain("SHOAL_DISPATCH_URL");
  });
});
