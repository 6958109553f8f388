/** kill -9 during uploads: what was acknowledged is whole, and what was not is referred to by nothing that is half. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BlobId } from "@shoal/node/model/ids.ts";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import { contentOf, openBlobs } from "./open-blobs.ts";

const KILLS = 6;
const UPLOADER = fileURLToPath(new URL("uploader-main.ts", import.meta.url));

test("kills during uploads cost nothing that was acknowledged", async () => {
  const path = temporaryDirectory();
  const promised = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [UPLOADER, path, String(kill * 1_000)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    let heard = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [, id = "", size = ""] = line.split(" ");
      promised.set(id, Number(size));
      heard += 1;
      if (heard === kill + 1) child.kill("SIGKILL");
    }
    await exited;
    const { store, blobs } = await openBlobs(path);
    const held = new Map((await blobs.list()).map(({ blobId, size }) => [blobId as string, size]));
    for (const [id, size] of promised) expect([id, held.get(id)]).toEqual([id, size]);
    for (const [id, size] of held) expect(await contentOf(blobs.read(id as BlobId))).toHaveLength(size);
    await store.close();
  }
  expect(promised.size).toBeGreaterThanOrEqual(KILLS);
});
