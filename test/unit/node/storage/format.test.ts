import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { silentLog } from "@shoal/shared/base/log.ts";
import { textKey } from "@shoal/node/storage/keys.ts";
import { openReader, openStore } from "@shoal/node/storage/open.ts";
import { COLUMNS } from "@shoal/node/storage/store.ts";
import { ClassicLevel } from "classic-level";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";

const KEY = new Uint8Array(32).fill(7);
const open = (path: string, cipher?: Uint8Array) =>
  openStore({ path, log: silentLog, ...(cipher === undefined ? {} : { cipher }) });

/** A store with one row of `plaintext`, closed again. */
async function storeWith(plaintext: Uint8Array, cipher?: Uint8Array): Promise<string> {
  const path = temporaryDirectory();
  const store = await open(path, cipher);
  await store.apply([{ column: "state", key: textKey("key"), value: plaintext }]);
  await store.close();
  return path;
}

function filesHold(path: string, needle: Uint8Array): boolean {
  return readdirSync(path).some((name) => readFileSync(join(path, name)).includes(Buffer.from(needle)));
}

/** LevelDB as it lies there, past the store. */
async function raw(path: string, edit: (db: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(path, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  await edit(db);
  await db.close();
}

const storedAt = (column: (typeof COLUMNS)[number], key: string): Buffer =>
  Buffer.concat([Buffer.of(COLUMNS.indexOf(column)), Buffer.from(key)]);

const sealed = (key: Buffer, value: string): Buffer => {
  const stored = Buffer.alloc(value.length + 4);
  stored.write(value);
  stored.writeUInt32LE(crc32(value, crc32(key)), value.length);
  return stored;
};

describe("encryption at rest", () => {
  const plaintext = Buffer.from("the quick brown fox jumps over the lazy dog");

  test("leaves no value readable in the files, and the same store reads it", async () => {
    const path = await storeWith(plaintext, KEY);
    expect(filesHold(path, plaintext)).toBe(false);
    expect(filesHold(await storeWith(plaintext), plaintext)).toBe(true);
    const store = await open(path, KEY);
    expect(store.get("state", textKey("key"))).toEqual(new Uint8Array(plaintext));
    const reader = await openReader(path, KEY);
    expect(reader.get("state", textKey("key"))).toEqual(new Uint8Array(plaintext));
    await reader.close();
    await store.close();
  });

  test.each([
    ["another key", KEY, new Uint8Array(32).fill(8), /another storage key/],
    ["no key", KEY, undefined, /encrypted, and no storage key/],
    ["a key for a plain store", undefined, KEY, /not encrypted, but a storage key/],
  ])("refuses %s, in the node and in a reader", async (_, made, opened, why) => {
    const path = await storeWith(plaintext, made);
    await expect(open(path, opened)).rejects.toMatchObject({
      code: "precondition_failed",
      message: expect.stringMatching(why),
    });
    const store = await open(path, made);
    await expect(openReader(path, opened)).rejects.toThrow(why);
    expect(store.get("state", textKey("key"))).toEqual(new Uint8Array(plaintext));
    await store.close();
  });

  test("refuses a key of another length", async () => {
    await expect(open(temporaryDirectory(), new Uint8Array(16))).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("notices a value that was moved to another row", async () => {
    const path = await storeWith(plaintext, KEY);
    await raw(path, async (db) => {
      const stored = await db.get(storedAt("state", "key"));
      await db.put(storedAt("state", "other"), stored ?? Buffer.alloc(0));
    });
    const store = await open(path, KEY);
    expect(() => store.get("state", textKey("other"))).toThrow(/damaged/);
    await store.close();
  });
});

describe("what a store is", () => {
  test("a newer one is refused, and says so", async () => {
    const path = await storeWith(Buffer.from("v"));
    const key = storedAt("config", "format");
    await raw(path, (db) => db.put(key, sealed(key, JSON.stringify({ format: 9 }))));
    await expect(open(path)).rejects.toMatchObject({
      code: "precondition_failed",
      message: expect.stringMatching(/format 9, made by a newer version/),
    });
  });

  test("rows without a format are damage", async () => {
    const path = await storeWith(Buffer.from("v"));
    await raw(path, (db) => db.del(storedAt("config", "format")));
    await expect(open(path)).rejects.toMatchObject({ code: "internal", message: expect.stringMatching(/damaged/) });
  });

  test("a value that rotted is an error, alone and in a scan, and the rest can be read", async () => {
    const path = await storeWith(Buffer.from("value"));
    const key = storedAt("state", "key");
    await raw(path, async (db) => {
      const stored = (await db.get(key)) ?? Buffer.alloc(0);
      stored[0] = (stored[0] ?? 0) ^ 1;
      await db.batch([
        { type: "put", key, value: stored },
        { type: "put", key: storedAt("state", "short"), value: Buffer.of(1) },
        { type: "put", key: storedAt("state", "good"), value: sealed(storedAt("state", "good"), "fine") },
      ]);
    });
    const store = await open(path);
    expect(() => store.get("state", textKey("key"))).toThrow(/does not match its checksum/);
    expect(() => store.get("state", textKey("short"))).toThrow(/damaged/);
    expect(store.get("state", textKey("good"))).toEqual(textKey("fine"));
    await expect(async () => {
      for await (const _ of store.scan("state")) continue;
    }).rejects.toMatchObject({ code: "internal" });
    await store.close();
  });

  test("a damaged manifest is a clear error", async () => {
    const path = await storeWith(Buffer.from("value"));
    writeFileSync(join(path, "CURRENT"), "MANIFEST-999999\n");
    await expect(open(path)).rejects.toMatchObject({ message: expect.stringMatching(/cannot open the store at/) });
  });

  test("another process is told that it is open", async () => {
    const path = await storeWith(Buffer.from("value"));
    const store = await open(path);
    const writer = fileURLToPath(new URL("writer-main.ts", import.meta.url));
    const child = spawn(process.execPath, [writer, path, "0"], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect(code).not.toBe(0);
    expect(said).toMatch(/it is open in another process/);
    await store.close();
  });
});
