/**
 * `npm run emulate:firebase`: the same functions in firebase-tools' functions, tasks and auth emulators, and a smoke test
 * through them. The rest of the outside is ours. firebase-tools lives in this folder alone; it is installed at the first run.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { keptSecrets } from "../src/stack/folder.ts";
import { environmentOf } from "../src/stack/functions-env.ts";
import { LOCAL_USER, startOutside } from "../src/stack/outside.ts";
import { parseSettings } from "../src/stack/settings.ts";
import { createStarter } from "../src/stack/starter.ts";
import config from "./firebase.json" with { type: "json" };

const HERE = import.meta.dirname;
const PROJECT = "demo-shoal";
const LOCATION = "us-central1";
const TOOL = join(HERE, "node_modules/firebase-tools/lib/bin/firebase.js");

const installed = await stat(TOOL).then(
  () => true,
  () => false,
);
if (!installed) {
  console.log("installing firebase-tools ...");
  // One of its dependencies would be compiled for minutes; it does without.
  await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: HERE });
}

const dataDir = await mkdtemp(join(tmpdir(), "shoal-firebase-"));
const log = pino({ level: "info" }, createWriteStream(join(dataDir, "shoal.log")));
const starter = createStarter({ begun: () => undefined, done: (name) => console.log(`ready: ${name}`) });
const settings = parseSettings({ SHOAL_DATA_DIR: dataDir, SHOAL_PORT: process.env["SHOAL_PORT"] ?? "9887" });
let code = 1;
try {
  const secrets = await keptSecrets(dataDir);
  const outside = startOutside(settings, secrets, log, starter);
  const [images] = await Promise.all([outside.images, outside.cluster]);
  const identity = await outside.identity;
  const { auth, functions, tasks } = config.emulators;
  const env = {
    ...environmentOf({
      database: await outside.database,
      identity,
      tasksPort: tasks.port,
      kubeconfig: (await outside.kubernetes).ready()?.kubeconfig ?? "",
      rabbitmqUrl: (await outside.bus).url,
      secrets,
      logLevel: "info",
    }),
    SHOAL_LOCATION: LOCATION,
    GOOGLE_CLOUD_PROJECT: PROJECT,
    // There is no metadata server to look for, and no newer version to be told of.
    METADATA_SERVER_DETECTION: "none",
    FIREBASE_CLI_DISABLE_UPDATE: "1",
    CI: "1",
    SMOKE_FUNCTIONS: `http://${functions.host}:${functions.port}`,
    SMOKE_AUTH: `http://${auth.host}:${auth.port}`,
    SMOKE_PROJECT: PROJECT,
    SMOKE_LOCATION: LOCATION,
    SMOKE_ID_TOKEN: await identity.signIdToken(LOCAL_USER.email, "shoal"),
    SMOKE_IMAGE: images["word-count"] ?? "",
  };
  const command = `"${process.execPath}" "${join(HERE, "smoke.ts")}"`;
  const args = ["emulators:exec", "--project", PROJECT, "--only", "functions,tasks,auth", command];
  const child = spawn(process.execPath, [TOOL, ...args], {
    cwd: HERE,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [status] = (await once(child, "exit")) as [number | null];
  code = status ?? 1;
} finally {
  await starter.stop();
}
if (code === 0) await rm(dataDir, { recursive: true, force: true });
else console.error(`the smoke test failed; the log is in ${dataDir}`);
process.exit(code);
