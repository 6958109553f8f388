/** kill -9 while deltas arrive: what was acknowledged is applied or waits, the state is whole, and each handler ran once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { bytesOf, idOf, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { keyOf, prefixRange } from "@shoal/node/storage/keys.ts";
import { verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { echoApp } from "./echo-app.ts";
import { bodiesFor, call, createOn, joinFrom, level, openTeam } from "./pair.ts";
import type { Rig } from "./rig.ts";

const KILLS = 4;
const PINGS = 60;

test("kills while deltas arrive lose nothing that was acknowledged, and run no handler twice", async () => {
  const team = await openTeam();
  try {
    const module = await echoApp();
    const alice = await team.open("alice");
    const { contextId } = await createOn(alice, module);
    let bob = await team.open("bob");
    await joinFrom(alice, bob, contextId, module);
    for (let n = 0; n < PINGS; n++) await call(alice, contextId, "ping", { text: `${n}` });
    const bodies = await bodiesFor(alice, bob, contextId);
    const { directory } = bob;
    const files = { deltas: join(dirname(directory), "deltas.json"), module: join(dirname(directory), "echo.wasm") };
    await writeFile(files.deltas, JSON.stringify(bodies.map((body) => Buffer.from(body).toString("base64"))));
    await writeFile(files.module, module);
    const acknowledged = new Set<Hash>();
    for (let kill = 1; kill <= KILLS; kill++) {
      await bob.close();
      for (const id of await runUntil([directory, files.deltas, files.module, `${kill}`], 12 * kill))
        acknowledged.add(id);
      bob = await team.open("bob");
      await bob.install(module);
      await expectWhole(bob, contextId, acknowledged);
    }
    await bob.replicas.governanceGrew(contextId);
    await bob.replicas.receive(contextId, bodies);
    await eventually(async () => ((await dueOf(bob, contextId)) === 0 ? true : undefined), "all handlers have run");
    expect(await call(bob, contextId, "counts")).toEqual([PINGS, PINGS]);
    await level(alice, bob, contextId);
    expect(alice.replicas.summary(contextId)).toEqual(bob.replicas.summary(contextId));
    expect(acknowledged.size).toBeGreaterThan(PINGS / 2);
  } finally {
    await team.close();
  }
}, 60_000);

/** Lets the process receive until it has acknowledged `target`, kills it, and returns what it acknowledged. */
async function runUntil(args: readonly string[], target: number): Promise<readonly Hash[]> {
  const main = join(import.meta.dirname, "kill-receive-main.ts");
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ids: Hash[] = [];
  const exited = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const [, id] = /^received (.+)$/.exec(line) ?? [];
    if (id !== undefined) ids.push(id as Hash);
    if (ids.length >= target || line === "all") child.kill("SIGKILL");
  }
  await exited;
  return ids;
}

async function expectWhole(rig: Rig, contextId: ContextId, acknowledged: ReadonlySet<Hash>): Promise<void> {
  const prefix = bytesOf(contextId);
  const tree = verifyTree((key) => rig.store.get("state", keyOf(prefix, key)), prefix);
  expect(tree.ok && idOf<Hash>(tree.root)).toBe(rig.replicas.summary(contextId)?.root);
  const ids = await rig.replicas.ids(contextId);
  for (const id of acknowledged) {
    const isWaiting = rig.store.get("pending", keyOf(prefix, bytesOf(id))) !== undefined;
    expect([id, ids.has(bytesOf(id)) || isWaiting]).toEqual([id, true]);
  }
  expect(rig.replicas.summary(contextId)?.deltas).toBe(ids.size);
}

async function dueOf(rig: Rig, contextId: ContextId): Promise<number> {
  let rows = 0;
  for await (const _ of rig.store.scan("due", prefixRange(bytesOf(contextId)))) rows += 1;
  return rows;
}
