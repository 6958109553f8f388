/** The tree as git knows it: what is tracked, and what is new and not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

export function files(pattern: RegExp): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed
    .split("\0")
    .filter((path) => pattern.test(path) && !path.includes("/fixtures/") && existsSync(join(ROOT, path)))
    .toSorted();
}
