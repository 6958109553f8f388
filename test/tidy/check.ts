/**
 * `npm run check`: types, lint, format, dead code. All run at once and each says what it has to say; the exit code is 1 if
 * any of them failed. Size, links and words are checked by `tidy.test.ts` with the other tests.
 */
import { spawn } from "node:child_process";

const CHECKS = ["types", "lint", "format", "dead"] as const;

async function run(name: string): Promise<{ readonly name: string; readonly ok: boolean; readonly output: string }> {
  const child = spawn("npm", ["run", "--silent", `check:${name}`], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ok = await new Promise<boolean>((resolve) => {
    child.once("error", (thrown) => {
      output += thrown.message;
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
  return { name, ok, output };
}

const results = await Promise.all(CHECKS.map(run));
for (const { name, ok, output } of results) {
  if (ok) console.log(`${name}: ok`);
  else console.error(`${name}: failed\n${output.trim()}\n`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
