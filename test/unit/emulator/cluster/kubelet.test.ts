import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { candidateAddress } from "@shoal/emulator/cluster/drivers/addresses.ts";
import { exitOf, wordsOf } from "@shoal/emulator/cluster/drivers/command.ts";
import { portOf, restartDelay, restarts } from "@shoal/emulator/cluster/kubelet/backoff.ts";
import type { Exit } from "@shoal/emulator/cluster/kubelet/driver.ts";
import {
  commandOf,
  ConfigError,
  environmentOf,
  expand,
  type Lookups,
} from "@shoal/emulator/cluster/kubelet/environment.ts";
import { linesIn, openLog, selectLines } from "@shoal/emulator/cluster/kubelet/log-file.ts";
import { mergeConditions, phaseOf, podStatus, type ContainerView } from "@shoal/emulator/cluster/kubelet/status.ts";
import { DEFAULT_TUNING } from "@shoal/emulator/cluster/tuning.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import { pod } from "./objects.ts";

const container = { name: "main", image: "x" };
const lookups: Lookups = {
  configMap: async (name) => (name === "settings" ? { COLOUR: "green", size: "9" } : undefined),
  secret: async (name) => (name === "hidden" ? { token: "t0p" } : undefined),
};
const facts = {
  pod: pod("p", { labels: { app: "web" }, spec: { nodeName: "h1" } }),
  podIp: "127.9.9.9",
  hostIp: "127.0.0.1",
};
const env = async (extra: object) => environmentOf({ ...container, ...extra }, facts, lookups);
const field = (fieldPath: string) => ({ name: "F", valueFrom: { fieldRef: { fieldPath } } });

describe("a container's environment", () => {
  it.each([
    ["metadata.name", "p"],
    ["metadata.namespace", "apps"],
    ["metadata.uid", "uid-p"],
    ["status.podIP", "127.9.9.9"],
    ["status.hostIP", "127.0.0.1"],
    ["spec.nodeName", "h1"],
    ["metadata.labels['app']", "web"],
    ["metadata.annotations['none']", ""],
  ])("reads %s", async (path, value) => {
    expect(await env({ env: [field(path)] })).toEqual({ F: value });
  });

  it("takes config maps and secrets whole or by key, and lets names override", async () => {
    expect(
      await env({
        envFrom: [
          { configMapRef: { name: "settings" } },
          { prefix: "S_", secretRef: { name: "hidden" } },
          { configMapRef: { name: "none", optional: true } },
        ],
        env: [
          { name: "COLOUR", value: "red" },
          { name: "TOKEN", valueFrom: { secretKeyRef: { name: "hidden", key: "token" } } },
          { name: "ABSENT", valueFrom: { secretKeyRef: { name: "none", key: "x", optional: true } } },
        ],
      }),
    ).toEqual({ COLOUR: "red", size: "9", S_token: "t0p", TOKEN: "t0p" });
  });

  it.each([
    [{ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "none", key: "k" } } }] }, 'secret "none" not found'],
    [
      { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "settings", key: "k" } } }] },
      "couldn't find key k in ConfigMap apps/settings",
    ],
    [{ envFrom: [{ configMapRef: { name: "none" } }] }, 'configmap "none" not found'],
    [{ env: [field("spec.everything")] }, "field label not supported: spec.everything"],
  ])("refuses what is missing", async (extra, message) => {
    await expect(env(extra)).rejects.toThrow(new ConfigError(message));
  });

  it("expands what is known, in order, and nothing else", async () => {
    expect(
      await env({
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "$(A)-$(C)-$$(A)" },
          { name: "C", value: "$(B)" },
        ],
      }),
    ).toEqual({
      A: "1",
      B: "1-$(C)-$(A)",
      C: "1-$(C)-$(A)",
    });
    expect(expand("$(toString) $A $$", {})).toBe("$(toString) $A $");
  });

  it("builds the command as Kubernetes does", () => {
    const image = { command: ["node", "a.mjs"], args: ["--x"] };
    const command = (extra: object) => commandOf({ ...container, ...extra }, image, { P: "80" });
    expect(command({})).toEqual(["node", "a.mjs", "--x"]);
    expect(command({ args: ["--port=$(P)"] })).toEqual(["node", "a.mjs", "--port=80"]);
    expect(command({ command: ["sh"] })).toEqual(["sh"]);
    expect(command({ command: ["sh"], args: ["-c"] })).toEqual(["sh", "-c"]);
  });
});

describe("ends and restarts", () => {
  const exit = (exitCode: number): Exit => ({
    exitCode,
    signal: undefined,
    reason: "Error",
    message: "",
    finishedAt: timestamp(0),
  });

  it("restarts at once, then waits twice as long each time, up to the cap", () => {
    expect([1, 2, 3, 4, 7, 90].map((crashes) => restartDelay(crashes, DEFAULT_TUNING))).toEqual([
      0, 10_000, 20_000, 40_000, 300_000, 300_000,
    ]);
  });

  it("restarts by policy", () => {
    expect([
      restarts("Always", exit(0)),
      restarts(undefined, exit(1)),
      restarts("OnFailure", exit(0)),
      restarts("OnFailure", exit(1)),
      restarts("Never", exit(1)),
    ]).toEqual([true, true, false, true, false]);
  });

  it("knows why a process ended", () => {
    const told = (code: number | null, signal: string | null, tail = "") => {
      const { exitCode, reason } = exitOf(code, signal, tail, 0);
      return [exitCode, reason];
    };
    expect(told(0, null)).toEqual([0, "Completed"]);
    expect(told(3, null)).toEqual([3, "Error"]);
    expect(told(null, "SIGKILL")).toEqual([137, "Error"]);
    expect(told(null, "SIGTERM")).toEqual([143, "Error"]);
    expect(
      told(null, "SIGABRT", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
    ).toEqual([137, "OOMKilled"]);
    expect(told(null, "SIGABRT", "assertion")).toEqual([134, "Error"]);
  });

  it("bounds a node program's heap by the memory limit and ties it to its parent", () => {
    const tools = { node: "/n/node", setpriv: "/s/setpriv" };
    expect(wordsOf(["node", "a.mjs"], 256, tools, true)).toEqual([
      "/s/setpriv",
      "--pdeathsig",
      "KILL",
      "--",
      "/n/node",
      "--max-old-space-size=192",
      "a.mjs",
    ]);
    expect(wordsOf(["node", "a.mjs"], undefined, tools, false)).toEqual(["/n/node", "a.mjs"]);
    expect(wordsOf(["sh", "-c", "x"], 256, { ...tools, setpriv: undefined }, true)).toEqual(["sh", "-c", "x"]);
  });

  it("finds ports by number and by name", () => {
    const spec = { ...container, ports: [{ name: "http", containerPort: 8080 }] };
    expect([portOf(1, spec), portOf("http", spec), portOf("9090", spec), portOf("none", spec)]).toEqual([
      1,
      8080,
      9090,
      undefined,
    ]);
  });
});

describe("addresses", () => {
  it("are stable, valid, and seldom the same", () => {
    const all = new Set(Array.from({ length: 500 }, (_, i) => candidateAddress("/data", `uid-${i}`, 0)));
    expect(candidateAddress("/data", "u", 0)).toBe(candidateAddress("/data", "u", 0));
    expect(candidateAddress("/data", "u", 0)).not.toBe(candidateAddress("/data", "u", 1));
    expect(all.size).toBeGreaterThan(490);
    for (const address of all) expect(address).toMatch(/^127\.(1[6-9]|[2-9]\d|1\d\d|2[0-3]\d)\.\d+\.([1-9]\d*)$/);
  });
});

describe("a pod's status", () => {
  const base = { name: "main", image: "x", imageId: "x@1", restartCount: 0, last: undefined };
  const waiting: ContainerView = { ...base, state: "waiting", reason: "ContainerCreating", message: "" };
  const running: ContainerView = {
    ...base,
    state: "running",
    startedAt: timestamp(1000),
    containerId: "c",
    started: true,
    ready: true,
  };
  const ended = (exitCode: number): ContainerView => ({
    ...base,
    state: "ended",
    ended: {
      exit: { exitCode, signal: undefined, reason: "Completed", message: "", finishedAt: timestamp(2000) },
      startedAt: timestamp(1000),
      containerId: "c",
    },
  });
  const status = (...views: ContainerView[]) =>
    podStatus({
      pod: pod("p"),
      views,
      podIp: "127.1.1.1",
      hostIp: "127.0.0.1",
      startedAt: timestamp(0),
      now: timestamp(5000),
    });

  it("derives the phase", () => {
    expect(phaseOf([waiting], "Always")).toBe("Pending");
    expect(phaseOf([running], "Always")).toBe("Running");
    expect(phaseOf([running, waiting], "Always")).toBe("Pending");
    expect(phaseOf([{ ...waiting, restartCount: 2 }], "Always")).toBe("Running");
    expect(phaseOf([ended(0)], "Always")).toBe("Running");
    expect([phaseOf([ended(0)], "Never"), phaseOf([ended(1)], "Never"), phaseOf([ended(1)], "OnFailure")]).toEqual([
      "Succeeded",
      "Failed",
      "Running",
    ]);
  });

  it("is ready when every container is, and names those that are not", () => {
    const conditionOf = (one: ReturnType<typeof status>) =>
      one.conditions?.find((condition) => condition.type === "Ready");
    expect(conditionOf(status(running))).toMatchObject({ status: "True" });
    expect(conditionOf(status(running, { ...running, name: "side", ready: false }))).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [side]",
    });
  });

  it("keeps others' conditions, and the time of what did not change", () => {
    const known = [
      { type: "DisruptionTarget", status: "True" },
      { type: "Ready", status: "True", lastTransitionTime: "before" },
    ] as const;
    expect(mergeConditions(known, [{ type: "Ready", status: "True" }], timestamp(0))).toEqual([
      known[0],
      { type: "Ready", status: "True", lastTransitionTime: "before" },
    ]);
    expect(mergeConditions(known, [{ type: "Ready", status: "False" }], timestamp(0))[1]).toMatchObject({
      lastTransitionTime: "1970-01-01T00:00:00Z",
    });
  });
});

describe("a log", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-log-"));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));
  const bytes = (text: string) => Buffer.from(text);

  it("joins lines, keeps their time, and gives the tail, what is recent, and what a listener hears", async () => {
    let now = 1_000_000;
    const log = openLog(join(folder, "0.log"), () => now);
    const heard: (string | undefined)[] = [];
    log.listen((line) => heard.push(line));
    log.write(bytes("one\ntw"));
    now += 60_000;
    log.write(bytes("o\nthree"));
    await log.close();
    const lines = await linesIn(log.path);
    const select = (options: object) => selectLines(lines, { timestamps: false, ...options }, now);
    expect(select({})).toEqual(["one", "two", "three"]);
    expect(select({ tailLines: 2 })).toEqual(["two", "three"]);
    expect(select({ tailLines: 0 })).toEqual([]);
    expect(select({ sinceSeconds: 30 })).toEqual(["two", "three"]);
    expect(select({ timestamps: true })[0]).toBe("1970-01-01T00:16:40.000000000Z one");
    expect(heard.map((line) => line?.split(" ")[1])).toEqual(["one", "two", "three", undefined]);
  });

  it("is rotated at 10 MB, keeping one predecessor", async () => {
    const log = openLog(join(folder, "0.log"), () => 0);
    const block = bytes(`${"x".repeat(1023 - 31)}\n`.repeat(1024));
    for (let i = 0; i < 25; i++) if (!log.write(block)) await log.flushed();
    await log.close();
    const sizes = await Promise.all([log.path, `${log.path}.1`].map(async (path) => (await stat(path)).size));
    expect(Math.max(...sizes)).toBeLessThan(13 * 1024 ** 2);
    expect(sizes[0]! + sizes[1]!).toBeGreaterThanOrEqual(10 * 1024 ** 2);
  });
});
