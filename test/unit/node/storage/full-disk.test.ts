import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { silentLog } from "@shoal/shared/base/log.ts";
import { DISK_RESERVE_BYTES } from "@shoal/node/storage/disk-room.ts";
import { textKey, u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";

const row = (value: string) => ({ column: "state" as const, key: textKey("k"), value: textKey(value) });

test("writes stop at the reserve, reads go on, and writes go on when there is room", async () => {
  const path = temporaryDirectory();
  let free = DISK_RESERVE_BYTES * 2;
  const store = await openStore({ path, log: silentLog, freeBytes: () => free });
  await store.apply([row("one")]);
  free = DISK_RESERVE_BYTES - 1;
  const full = { code: "unavailable", message: expect.stringMatching(/the disk is full/) };
  await expect(store.apply([row("two")])).rejects.toMatchObject(full);
  await expect(store.durable()).rejects.toMatchObject(full);
  expect(store.get("state", textKey("k"))).toEqual(textKey("one"));
  free = DISK_RESERVE_BYTES + 1_000;
  await store.apply([row("three")]);
  await store.durable();
  expect(store.get("state", textKey("k"))).toEqual(textKey("three"));
  // One that is larger than the room is refused, and a smaller one goes through.
  await expect(store.apply([row("x".repeat(2_000))])).rejects.toMatchObject(full);
  await store.apply([row("four")]);
  await store.close();
});

const hasLimits = spawnSync("prlimit", ["--version"]).status === 0;

test.skipIf(!hasLimits)("a write that fails half way costs nothing that was acknowledged", async () => {
  const path = temporaryDirectory();
  const script = fileURLToPath(new URL("full-disk-main.ts", import.meta.url));
  // Blocks of 512 bytes: files of 2 MB.
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'ulimit -S -f 4000; exec "$0" "$@"', process.execPath, script, path],
    {
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  const said = JSON.parse(stdout) as { readonly acknowledged: number };
  expect(said).toMatchObject({
    code: "unavailable",
    read: "before",
    readInWorker: "before",
    readAgain: "after",
    wroteOn: 50,
  });
  const store = await openStore({ path, log: silentLog });
  for (let at = 0; at < said.acknowledged; at++) {
    expect(store.get("delta", u64Key(BigInt(at)))).toHaveLength(30_000);
  }
  expect(store.get("state", textKey("k"))).toEqual(textKey("after"));
  await store.close();
});
