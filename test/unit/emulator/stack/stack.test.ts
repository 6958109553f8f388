/** What a start leans on: order, one stack a folder, kept secrets, and sentences for what goes wrong. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { keptSecrets, takeFolder } from "@shoal/emulator/stack/folder.ts";
import { sentenceFor } from "@shoal/emulator/stack/problems.ts";
import { parseSettings } from "@shoal/emulator/stack/settings.ts";
import { createStarter } from "@shoal/emulator/stack/starter.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-stack-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a data folder", () => {
  test("belongs to one stack, until it is given back", async () => {
    const first = await takeFolder(folder);
    expect(await takeFolder(folder)).toEqual({ pid: process.pid });
    if ("release" in first) await first.release();
    expect(await takeFolder(folder)).toHaveProperty("release");
  });

  test("is taken over from a stack that was killed, also where its pid lives on in another process", async () => {
    await writeFile(join(folder, "stack.pid"), `${process.pid} 1`);
    expect(await takeFolder(folder)).toHaveProperty("release");
  });

  test("is made with its parents, and where it cannot be made that is said at once", async () => {
    expect(await takeFolder(join(folder, "a", "b"))).toHaveProperty("release");
    await expect(takeFolder("/proc/nowhere/a")).rejects.toThrow(/mkdir/);
  });

  test("keeps its secrets, for its owner alone", async () => {
    const made = await keptSecrets(folder);
    expect(await keptSecrets(folder)).toEqual(made);
    expect((await stat(join(folder, "secrets.json"))).mode & 0o077).toBe(0);
  });
});

describe("steps", () => {
  test("are undone in reverse order of their becoming ready, also those that were under way", async () => {
    const seen: string[] = [];
    const starter = createStarter({ begun: () => undefined, done: (name) => seen.push(`+${name}`) });
    const part = (name: string): { stop: () => void } => ({ stop: () => void seen.push(`-${name}`) });
    const slow = Promise.withResolvers<void>();
    const a = starter.step("a", async () => part("a"));
    const b = starter.step("b", async () => {
      await slow.promise;
      await a;
      return part("b");
    });
    await a;
    const stopped = starter.stop();
    slow.resolve();
    await stopped;
    await b;
    expect(seen).toEqual(["+a", "+b", "-b", "-a"]);
  });

  test("a failed one fails whoever awaits it and is not undone", async () => {
    const starter = createStarter({ begun: () => undefined, done: () => undefined });
    const failing = starter.step("x", async (): Promise<{ stop: () => void }> => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await starter.stop();
  });
});

describe("what goes wrong", () => {
  const coded = (code: string, text: string): Error => Object.assign(new Error(text), { code });
  test.each([
    [coded("EADDRINUSE", "listen EADDRINUSE: address already in use 127.0.0.1:8787"), /Port 8787 .* SHOAL_PORT/],
    [coded("EROFS", "EROFS: read-only file system, mkdir '.shoal'"), /SHOAL_DATA_DIR/],
    [coded("EADDRNOTAVAIL", "bind EADDRNOTAVAIL 127.42.0.2"), /lo0 alias/],
    [new ShoalError("unavailable", "did not start", { cause: new Error("no space left on device") }), /disk is full/],
  ])("%s gets a sentence that says what to do", (thrown, sentence) => {
    expect(sentenceFor(thrown)).toMatch(sentence);
  });
});

test("settings are refused by name", () => {
  expect(() => parseSettings({ SHOAL_PORT: "eighty" })).toThrow(/SHOAL_PORT/);
  expect(() => parseSettings({ SHOAL_AMQP_URL: "http://x" })).toThrow(/SHOAL_AMQP_URL/);
  expect(parseSettings({ SHOAL_PORT: "9000" }).ports).toMatchObject({ front: 9000, postgres: 9005 });
});
