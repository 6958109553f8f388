/** A process that receives deltas in the order of its chance and says which it has acknowledged; it is killed from outside. */
import { readFile } from "node:fs/promises";
import { idOf, type Hash } from "@shoal/node/model/ids.ts";
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { shuffled } from "./pair.ts";
import { openRig } from "./rig.ts";

const [directory = "", deltasPath = "", modulePath = "", seed = "1"] = process.argv.slice(2);
const rig = await openRig(directory, { account: "bob" });
await rig.install(await readFile(modulePath));
const [contextId] = rig.replicas.list();
if (contextId === undefined) throw new Error("no context is here");
await rig.replicas.governanceGrew(contextId);
const deltas = JSON.parse(await readFile(deltasPath, "utf8")) as string[];
const random = seeded(Number(seed));
for (const text of shuffled(deltas, () => random.next())) {
  const body = Buffer.from(text, "base64");
  await rig.replicas.receive(contextId, [body]);
  process.stdout.write(`received ${idOf<Hash>(decodeDelta(body).id)}\n`);
}
process.stdout.write("all\n");
