/** kill -9 at any moment: nothing that was acknowledged is lost, and no half of a call is left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { bytesOf, idOf, type Hash } from "@shoal/node/model/ids.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { expect, test } from "vitest";
import { openRig } from "./rig.ts";

const KILLS = 6;

test("nothing acknowledged is lost over kills", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shoal-kill-"));
  try {
    let acknowledged = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      acknowledged = Math.max(acknowledged, await runUntil(directory, acknowledged + 7 * kill));
      expect(await stored(directory)).toBeGreaterThanOrEqual(acknowledged);
    }
    expect(acknowledged).toBeGreaterThan(100);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** Lets the process write until it acknowledges `target`, kills it, and returns the last that it acknowledged. */
async function runUntil(directory: string, target: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kill-main.ts"), directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = 0;
  const exited = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const [, count] = /^added (\d+)$/.exec(line) ?? [];
    if (count !== undefined) last = Number(count);
    if (last >= target) child.kill("SIGKILL");
  }
  await exited;
  return last;
}

/** The counter as the store has it, after checking that every delta up to the first is there and that root and state agree. */
async function stored(directory: string): Promise<number> {
  const rig = await openRig(directory);
  try {
    const [context] = await rig.contexts.listContexts();
    if (context === undefined) return 0;
    const prefix = bytesOf(context.id);
    const count = Number(Buffer.from(rig.store.get("state", keyOf(prefix, Buffer.from("n"))) ?? []).readBigUInt64LE());
    expect(Number(Buffer.from(bytesOf(context.rootHash)).readBigUInt64LE())).toBe(count);
    let deltas = 0;
    for (let head = context.dagHeads[0]; head !== undefined; deltas++) {
      const delta = decodeDelta(rig.store.get("delta", keyOf(prefix, bytesOf(head)))!);
      head = delta.parents[0] === undefined ? undefined : idOf<Hash>(delta.parents[0]);
    }
    expect(deltas).toBe(count);
    return count;
  } finally {
    await rig.close();
  }
}
