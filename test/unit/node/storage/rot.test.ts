/** Whatever rots on disk: an error or the value that was written, never another value, and never the end of the process. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLog } from "@shoal/shared/base/log.ts";
import { below, seeded } from "@shoal/shared/base/random.ts";
import { u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";

const ROUNDS = 40;
const READER = fileURLToPath(new URL("rot-main.ts", import.meta.url));

test(`${ROUNDS} stores with damaged files give errors, never other values`, async () => {
  const path = temporaryDirectory();
  const random = seeded(5);
  // Opened twice, so that rows lie in a table and in the log.
  for (const half of [0, 1]) {
    const store = await openStore({ path, log: silentLog });
    for (let at = half * 500; at < half * 500 + 500; at++) {
      const value = Buffer.alloc(100, `value ${at} `);
      await store.apply([{ column: "state", key: u64Key(BigInt(at)), value }]);
    }
    await store.close();
  }
  const copies = Array.from({ length: ROUNDS }, () => {
    const copy = temporaryDirectory();
    cpSync(path, copy, { recursive: true });
    const files = readdirSync(copy).filter((name) => /\.ldb$|\.log$|^MANIFEST/.test(name));
    const file = join(copy, files[below(random, files.length)] ?? "");
    const bytes = readFileSync(file);
    for (let flips = 1 + below(random, 3); flips > 0 && bytes.length > 0; flips--) {
      const at = below(random, bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
    }
    writeFileSync(file, bytes);
    return copy;
  });
  // In a process of their own: LevelDB is native, and what it does to damaged files must not end the node.
  const { stdout, stderr, status } = spawnSync(process.execPath, [READER, ...copies], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { read, errors, wrong } = JSON.parse(stdout) as Record<"read" | "errors" | "wrong", number>;
  expect(wrong).toBe(0);
  expect(read).toBeGreaterThan(0);
  expect(errors).toBeGreaterThan(0);
});
