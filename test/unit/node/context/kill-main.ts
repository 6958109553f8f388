/** A process that writes to a context as fast as it can and says what was acknowledged; it is killed from outside. */
import { counterApp, countOf } from "./counter-app.ts";
import { openRig } from "./rig.ts";

const [directory = ""] = process.argv.slice(2);
const rig = await openRig(directory);
const applicationId = await rig.install(await counterApp());
const [existing] = await rig.contexts.listContexts();
const contextId =
  existing?.id ??
  (await rig.contexts.createContext({ applicationId, initializationParams: new Uint8Array() })).contextId;
process.stdout.write(`context ${contextId}\n`);
for (;;) {
  const { output } = await rig.contexts.execute({ contextId, method: "add", args: new Uint8Array() });
  process.stdout.write(`added ${countOf(output)}\n`);
}
