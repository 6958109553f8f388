/** kill -9 at any moment: nothing that was acknowledged is lost, and no batch is there in part. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { silentLog } from "@shoal/shared/base/log.ts";
import { u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { below, seeded } from "@shoal/shared/base/random.ts";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";
import { WIDTH } from "./writer-main.ts";

const KILLS = 16;
const WRITER = fileURLToPath(new URL("writer-main.ts", import.meta.url));

/** Runs a writer until it has acknowledged `count` batches, kills it, and says what it acknowledged. */
async function writeUntilKilled(path: string, from: number, count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [WRITER, path, String(from)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === count) child.kill("SIGKILL");
  }
  await exited;
  return acknowledged;
}

test(`${KILLS} kills lose nothing that was acknowledged`, { timeout: 60_000 }, async () => {
  const path = temporaryDirectory();
  const random = seeded(7);
  const promised = new Set<number>();
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    for (const number of await writeUntilKilled(path, next, 1 + below(random, 400))) promised.add(number);
    const store = await openStore({ path, log: silentLog });
    const counts = new Map<number, number>();
    for await (const [key, value] of store.scan("state")) {
      const number = Number(new DataView(key.buffer, key.byteOffset).getBigUint64(0) / BigInt(WIDTH));
      expect(Buffer.from(value).toString().startsWith(String(number))).toBe(true);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    for (const [number, count] of counts) expect([number, count]).toEqual([number, WIDTH]);
    expect([...promised].filter((number) => !counts.has(number))).toEqual([]);
    next = Math.max(-1, ...counts.keys()) + 1;
    expect(store.get("state", u64Key(BigInt(next * WIDTH)))).toBeUndefined();
    await store.close();
  }
});
