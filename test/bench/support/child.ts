/** Runs a program of ours in a process of its own and returns the JSON of its last line. */
import { spawn } from "node:child_process";

export function runChild<Report>(program: URL, argument: object): Promise<Report> {
  const child = spawn(process.execPath, ["--expose-gc", program.pathname, JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      const last = output.trim().split("\n").at(-1) ?? "";
      if (code === 0) resolve(JSON.parse(last) as Report);
      else reject(new Error(`${program.pathname} ended with ${signal ?? code}: ${output.slice(-500)}`));
    });
  });
}
