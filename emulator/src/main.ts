/**
 * `npm start`: Shoal on this machine. Shows what is starting, then where everything is; Ctrl-C stops it in order, a second
 * one at once. A second start in the same folder says what already runs.
 */
import { join } from "node:path";
import { pino } from "pino";
import { readLocalFile, takeFolder } from "./stack/folder.ts";
import { sentenceFor } from "./stack/problems.ts";
import { parseSettings, type StackSettings } from "./stack/settings.ts";
import { startStack } from "./stack/stack.ts";
import { createScreen, describeStack } from "./stack/screen.ts";

const screen = createScreen(process.stdout);

async function main(settings: StackSettings): Promise<void> {
  const taken = await takeFolder(settings.dataDir);
  if ("pid" in taken) {
    const local = await readLocalFile(settings.dataDir);
    screen.say(`Shoal already runs here (process ${taken.pid}). Stop it with Ctrl-C where it was started.\n`);
    screen.say(describeStack(settings, local, {}));
    return;
  }
  const logFile = join(settings.dataDir, "shoal.log");
  const log = pino({ level: settings.logLevel }, pino.destination({ dest: logFile, mkdir: true, sync: false }));
  const began = performance.now();
  const starting = startStack(settings, log, screen.progress);
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    screen.say("\nStopping (Ctrl-C again to leave at once) ...");
    starting
      .then((stack) => stack.stop())
      .catch(() => undefined)
      .then(() => taken.release())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    const stack = await starting;
    if (stopping) return;
    screen.end();
    screen.say(describeStack(settings, stack.local, stack.images));
    screen.say(`Up in ${((performance.now() - began) / 1000).toFixed(1)} s. Ctrl-C stops everything; the data stays.`);
  } catch (thrown) {
    if (stopping) return;
    log.error({ err: thrown }, "the stack did not start");
    await taken.release();
    screen.end();
    screen.say(`\nShoal could not start. ${sentenceFor(thrown)}\nThe log has more: ${logFile}`);
    process.exit(1);
  }
}

try {
  await main(parseSettings(process.env));
} catch (thrown) {
  screen.say(sentenceFor(thrown));
  process.exitCode = 1;
}
