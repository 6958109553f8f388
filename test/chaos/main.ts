/**
 * `npm run chaos -- [--minutes 3] [--processors 50] [--seed N]`: the whole stack in a folder of its own; people create, change
 * and delete processors while everything is killed at random. Then the killing ends, and within two minutes the world has to
 * be as it was asked for. Exit code 0 only if it is, nothing happened twice, and no confirmed message was lost.
 */
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "pg";
import { pino } from "pino";
import { createClient } from "@shoal/client/index.ts";
import { parseSettings } from "@shoal/emulator/stack/settings.ts";
import { startStack, type Stack } from "@shoal/emulator/stack/stack.ts";
import { kubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { startKiller } from "./killer.ts";
import { startMessages } from "./messages.ts";
import { startPeople } from "./people.ts";
import { registerTemplate } from "./template.ts";
import { doubled, unsettled, type VerdictInit } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    processors: { type: "string" },
    seed: { type: "string" },
    keep: { type: "boolean" },
  },
});
const minutes = Number(values.minutes ?? 3);
const processors = Number(values.processors ?? 50);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isInteger(processors) || processors < 1 || !Number.isInteger(seed)) {
  console.error("usage: npm run chaos -- [--minutes 3] [--processors 50] [--seed N] [--keep]");
  process.exit(2);
}

const HEAL_MS = 120_000;
const NAMESPACE = "dory-apps";
const say = (text: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

const dataDir = await mkdtemp(join(tmpdir(), "shoal-chaos-"));
const log = pino({ level: "info" }, createWriteStream(join(dataDir, "shoal.log")));
say(`seed ${seed}, ${minutes} min, ${processors} processors, in ${dataDir}`);
const settings = parseSettings({ SHOAL_DATA_DIR: dataDir, SHOAL_PORT: process.env["SHOAL_PORT"] ?? "9787" });
const stack = await startStack(settings, log, { begun: () => undefined, done: () => undefined });
let problems: readonly string[] = ["it did not come to an end"];
try {
  problems = await torment(stack);
} finally {
  await stack.stop();
  if (values.keep !== true && problems.length === 0) await rm(dataDir, { recursive: true, force: true });
}
for (const problem of problems) console.error(`  ${problem}`);
say(problems.length === 0 ? "all is as it was asked for" : `${problems.length} problems; the log is in ${dataDir}`);
process.exit(problems.length === 0 ? 0 : 1);

async function torment(running: Stack): Promise<readonly string[]> {
  const random = seeded(seed);
  const client = createClient({ baseUrl: running.local.apiUrl, token: running.local.token });
  const template = await registerTemplate(client, running.images["word-count"] ?? "");
  const messages = await startMessages(running.local.amqpUrl, say);
  const people = startPeople({ client, template, processors, random: random.child("people"), say });
  const killer = startKiller(running, dataDir, random.child("killer"), say);
  await new Promise((resolve) => setTimeout(resolve, minutes * 60_000));
  await killer.stop();
  say(`killed ${JSON.stringify(killer.counts)}`);
  await people.stop();
  say(`acknowledged ${JSON.stringify(people.counts)}`);
  const sql = new Pool({ connectionString: running.database.ownerUrl, max: 2 });
  sql.on("error", () => undefined);
  const kubeconfig = await readFile(running.local.kubeconfig, "utf8");
  const kubernetes = kubernetesClient({
    config: await kubeConfigFrom(kubeconfig),
    clock: systemClock,
    random: systemRandom,
  });
  try {
    const init = { client, kubernetes, sql, namespace: NAMESPACE, dataDir };
    const open = await settle(init);
    return [...open, ...(await doubled(sql)), ...(await messages.lost())];
  } finally {
    await Promise.all([sql.end(), kubernetes.close(), messages.stop()]);
  }
}

/** Waits until the world is settled; returns what is not when the time is up. */
async function settle(init: VerdictInit): Promise<readonly string[]> {
  const began = performance.now();
  let open: readonly string[] = [];
  while (performance.now() - began < HEAL_MS) {
    open = await unsettled(init).catch((thrown: unknown) => [String(thrown)]);
    if (open.length === 0) {
      say(`settled ${((performance.now() - began) / 1000).toFixed(1)} s after the last kill`);
      return [];
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return open;
}
