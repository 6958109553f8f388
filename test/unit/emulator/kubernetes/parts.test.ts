import { describe, expect, it } from "vitest";
import { protobufObject } from "@shoal/emulator/kubernetes/http/protobuf.ts";
import { fieldSelector, labelSelector } from "@shoal/emulator/kubernetes/selectors.ts";
import type { ApiObject } from "@shoal/emulator/kubernetes/object.ts";
import { kindNamed } from "@shoal/emulator/kubernetes/kinds.ts";
import { humanSpan } from "@shoal/emulator/kubernetes/tables/age.ts";
import { tableOf } from "@shoal/emulator/kubernetes/tables/table.ts";

describe("ages", () => {
  it.each([
    [0, "0s"],
    [119_000, "119s"],
    [120_000, "2m"],
    [125_000, "2m5s"],
    [600_000, "10m"],
    [3 * 3600_000, "3h"],
    [3 * 3600_000 + 60_000, "3h1m"],
    [8 * 3600_000 + 60_000, "8h"],
    [48 * 3600_000, "2d"],
    [51 * 3600_000, "2d3h"],
    [8 * 86_400_000, "8d"],
    [800 * 86_400_000, "2y70d"],
    [-5_000, "<invalid>"],
  ])("%i ms are %s", (ms, text) => expect(humanSpan(ms)).toBe(text));
});

describe("a pod's row", () => {
  const row = (status: object, metadata: object = {}): unknown[] => {
    const pod = {
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: "p", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
      spec: { containers: [{ name: "main" }], nodeName: "n" },
      status,
    } as ApiObject;
    const table = tableOf(kindNamed("Pod"), [pod], Date.parse("2026-01-01T00:10:00Z"), "None");
    return (table.rows[0] as { cells: unknown[] }).cells;
  };
  const container = (state: object, more: object = {}) => ({
    name: "main",
    ready: false,
    restartCount: 0,
    state,
    ...more,
  });

  it.each<[string, object, string, object?]>([
    ["its phase", { phase: "Pending" }, "Pending"],
    [
      "what a container waits for",
      { phase: "Pending", containerStatuses: [container({ waiting: { reason: "ErrImagePull" } })] },
      "ErrImagePull",
    ],
    [
      "how a container ended",
      { phase: "Failed", containerStatuses: [container({ terminated: { exitCode: 3 } })] },
      "ExitCode:3",
    ],
    ["why it was refused", { phase: "Failed", reason: "OutOfcpu" }, "OutOfcpu"],
    ["that it is going", { phase: "Running" }, "Terminating", { deletionTimestamp: "2026-01-01T00:09:00Z" }],
  ])("says %s", (_what, status, word, metadata = {}) => expect(row(status, metadata)[2]).toBe(word));

  it("counts restarts and says how long ago the last was", () => {
    const lastState = { terminated: { finishedAt: "2026-01-01T00:05:00Z" } };
    const containerStatuses = [container({ running: {} }, { ready: true, restartCount: 2, lastState })];
    expect(row({ phase: "Running", podIP: "127.1.1.1", containerStatuses })).toEqual([
      "p",
      "1/1",
      "Running",
      "2 (5m ago)",
      "10m",
      "127.1.1.1",
      "n",
      "<none>",
      "<none>",
    ]);
  });
});

describe("selectors", () => {
  const object = {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "x", labels: { a: "1", "b.c/d": "two" } },
    spec: { nodeName: "n" },
  } as ApiObject;

  it.each([
    ["", true],
    ["a=1", true],
    ["a = 1 , b.c/d==two", true],
    ["a!=1", false],
    ["none!=1", true],
    ["a in (1,2)", true],
    ["a notin (1,2)", false],
    ["!a", false],
    ["! none", true],
    ["a>0", true],
    ["a<1", false],
  ])("labels %j: %s", (text, expected) => expect(labelSelector(text)(object)).toBe(expected));

  it.each(["a in 1", "a=(", "=x", "a in (1", "a b"])("labels %j are refused", (text) => {
    expect(() => labelSelector(text)).toThrow("unable to parse");
  });

  it.each([
    ["spec.nodeName=n", true],
    ["spec.nodeName!=n", false],
    ["status.phase=", true],
    ["metadata.name==x,spec.nodeName=n", true],
  ])("fields %j: %s", (text, expected) => {
    expect(fieldSelector(text, ["metadata.name", "spec.nodeName", "status.phase"])(object)).toBe(expected);
  });
});

describe("protobuf", () => {
  it("gives the object that was meant", () => {
    const body = Buffer.concat([Buffer.from("k8s\0", "latin1"), unknown("v1", "ConfigMap", configMapBytes())]);
    expect(protobufObject(body)).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a" },
      data: { x: "1" },
    });
  });

  it.each([
    ["no magic", Buffer.from("nonsense")],
    ["a cut body", Buffer.concat([Buffer.from("k8s\0", "latin1"), Buffer.from([10, 200])])],
    ["an unknown kind", Buffer.concat([Buffer.from("k8s\0", "latin1"), unknown("v1", "Service", Buffer.alloc(0))])],
    ["a number without end", Buffer.concat([Buffer.from("k8s\0", "latin1"), Buffer.alloc(12, 255)])],
  ])("refuses %s", (_what, body) => expect(() => protobufObject(body)).toThrow(/protobuf/));
});

function field(number: number, bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes);
  return Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
}

function unknown(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw)]);
}

function configMapBytes(): Buffer {
  return Buffer.concat([field(1, field(1, "a")), field(2, Buffer.concat([field(1, "x"), field(2, "1")]))]);
}
