/**
 * A process whose files may not outgrow a limit (`ulimit -f`), which the system answers as it does a full disk: in the middle
 * of a write. It writes until that happens, looks what still works, lifts the limit and writes on.
 */
import { spawnSync } from "node:child_process";
import { Worker } from "node:worker_threads";
import { silentLog } from "@shoal/shared/base/log.ts";
import { textKey, u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { eventually } from "../../../support/clock.ts";

const [, , path = ""] = process.argv;
const store = await openStore({ path, log: silentLog });
await store.apply([{ column: "state", key: textKey("k"), value: textKey("before") }]);

const worker = new Worker(new URL("reader-main.ts", import.meta.url), { workerData: { path } });
const heard = (): Promise<unknown> => new Promise((resolve) => worker.once("message", resolve));
const ask = (): Promise<unknown> => {
  const answer = heard();
  worker.postMessage("get");
  return answer;
};
await heard();

let acknowledged = 0;
let refusals = 0;
async function write(): Promise<string | undefined> {
  const value = Buffer.alloc(30_000, acknowledged % 251);
  try {
    await store.apply([{ column: "delta", key: u64Key(BigInt(acknowledged)), value }]);
    await store.durable();
    acknowledged += 1;
    return undefined;
  } catch (thrown) {
    refusals += 1;
    return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "no code";
  }
}

let code: string | undefined;
while (code === undefined && acknowledged < 10_000) code = await write();
const read = Buffer.from(store.get("state", textKey("k")) ?? []).toString();
const readInWorker = await ask();

spawnSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
await eventually(async () => ((await write()) === undefined ? true : undefined), "a write with room again");
const before = acknowledged;
for (let more = 0; more < 50; more++) await write();
await store.apply([{ column: "state", key: textKey("k"), value: textKey("after") }]);
await store.durable();
const readAgain = await eventually(
  async () => ((await ask()) === "after" ? "after" : undefined),
  "the worker reads on",
);
process.stdout.write(
  JSON.stringify({
    code,
    read,
    readInWorker,
    readAgain,
    acknowledged,
    refusals,
    wroteOn: acknowledged - before,
  }),
);
await worker.terminate();
// No close: whatever was acknowledged has to be there without one.
process.kill(process.pid, "SIGKILL");
