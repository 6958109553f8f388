/**
 * A node without anything joins a context of 100,000 entries, from the joining call until its root is the context's; against
 * copying the same rows over a socket of this machine into an empty store.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { bytesOf, type ContextId } from "@shoal/node/model/ids.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import type { Row } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { everywhere, join, levelled, makeTeam, write, type Team } from "../support/mesh-team.ts";
import { against, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";

const ENTRIES = 100_000;
const LANES = 32;
const BATCH = 1000;

async function fill(node: MeshNode, contextId: string): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < ENTRIES) {
      const n = next++;
      await write(node, contextId, `entry ${n}`, `value ${n}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function joinTime(mesh: Mesh, host: MeshNode, team: Team, round: number): Promise<number> {
  const guest = await mesh.add(`guest${round}`);
  const began = systemClock.monotonic();
  await join(host, guest, team);
  await everywhere([guest], team.contextId, 120_000);
  await levelled([host, guest], team.contextId);
  const took = systemClock.monotonic() - began;
  await guest.stop();
  return took;
}

/** The rows of the context as the host's store has them; the host is not running. */
async function rowsOf(mesh: Mesh, host: MeshNode, contextId: string): Promise<readonly Row[]> {
  const path = joinPath(mesh.folder, host.name, "data");
  const store = await openStore({ path, log: silentLog });
  const rows: Row[] = [];
  for await (const [key, value] of store.scan("state", prefixRange(bytesOf(contextId as ContextId)))) {
    rows.push({ column: "state", key: Uint8Array.from(key), value: Uint8Array.from(value) });
  }
  await store.close();
  return rows;
}

/** Sends the rows through a socket and puts what arrives into a fresh store, batch by batch. */
async function copyTime(rows: readonly Row[]): Promise<number> {
  const folder = await mkdtemp(joinPath(tmpdir(), "shoal-copy-"));
  const store = await openStore({ path: folder, log: silentLog });
  const bytes = Buffer.concat(rows.map(({ key, value }) => Buffer.concat([key, value ?? new Uint8Array()])));
  const server = createServer((socket) => socket.end(bytes)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const began = systemClock.monotonic();
  const socket = connect((server.address() as { readonly port: number }).port, "127.0.0.1");
  let arrived = 0;
  socket.on("data", (chunk) => (arrived += chunk.length));
  await once(socket, "end");
  if (arrived !== bytes.length) throw new Error("the copy is not complete");
  for (let at = 0; at < rows.length; at += BATCH) await store.apply(rows.slice(at, at + BATCH));
  await store.durable();
  const took = systemClock.monotonic() - began;
  server.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
  return took;
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const mesh = await startMesh(1);
  try {
    const [host] = mesh.nodes;
    if (host === undefined) throw new Error("a mesh has nodes");
    const team = await makeTeam([host]);
    log(`filling ${ENTRIES} entries`);
    await fill(host, team.contextId);
    const joins: number[] = [];
    for (let round = 0; round < rounds; round++) {
      joins.push(await joinTime(mesh, host, team, round));
      log(`join ${round + 1} of ${rounds}: ${Math.round(joins.at(-1) ?? 0)} ms`);
    }
    await host.stop();
    const rows = await rowsOf(mesh, host, team.contextId);
    const copies: number[] = [];
    for (let round = 0; round < rounds; round++) copies.push(await copyTime(rows));
    const metric = `join a context of ${ENTRIES} entries`;
    return [
      against(
        { bench: "join", metric, unit: "ms" },
        joins,
        { name: "raw copy of its rows", values: copies },
        { text: "<= 3x", pass: (ratio) => ratio <= 3 },
      ),
    ];
  } finally {
    await mesh.end();
  }
}

export const bench: Bench = {
  name: "join",
  describe: "an empty replica joins a context of 100,000 entries",
  run,
};
