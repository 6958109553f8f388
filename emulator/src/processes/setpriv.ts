/** Whether the system can end a child when its parent is gone, however the parent went (Linux with util-linux's setpriv). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

let answer: Promise<boolean> | undefined;

export function hasSetpriv(): Promise<boolean> {
  answer ??= promisify(execFile)("setpriv", ["--help"]).then(
    ({ stdout }) => stdout.includes("--pdeathsig"),
    () => false,
  );
  return answer;
}
