/**
 * PostgreSQL refuses to run as root. Where we are root, its programs run as the system's user `postgres`, made where it is
 * missing. That user often cannot look into root's folders (a clone below /root): the programs then get the one capability
 * that opens them, and nothing else of root's.
 */
import { execFile, type SpawnOptions } from "node:child_process";
import { chown } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import { hasSetpriv } from "../processes/setpriv.ts";

const run = promisify(execFile);

export interface Invocation {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: Pick<SpawnOptions, "uid" | "gid">;
}

/** How to start a program of PostgreSQL's. */
export interface ServerUser {
  /** Gives a folder to the user. */
  own(folder: string): Promise<void>;
  /** `dieWithUs`: the system ends the program when this process is gone, however it went (Linux with setpriv). */
  invoke(file: string, args: readonly string[], dieWithUs: boolean): Invocation;
}

/** `paths` are those that the user has to reach. Errors: `unavailable` where there is no such user and none can be made. */
export async function serverUser(paths: readonly string[]): Promise<ServerUser> {
  const setpriv = await hasSetpriv();
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) return describe(undefined, setpriv, false);
  const ids = await idsOfPostgres();
  const reachable = await Promise.all(paths.map((path) => canReach(path, ids)));
  const needsKey = reachable.includes(false);
  if (needsKey && !setpriv)
    throw new ShoalError(
      "unavailable",
      `PostgreSQL runs as the user postgres, who cannot reach ${paths[reachable.indexOf(false)]}: choose another folder`,
    );
  return describe(ids, setpriv, needsKey);
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

function describe(ids: Ids | undefined, setpriv: boolean, needsKey: boolean): ServerUser {
  return {
    own: async (folder) => {
      if (ids !== undefined) await chown(folder, ids.uid, ids.gid);
    },
    invoke: (file, args, dieWithUs) => {
      const flags = [
        ...(ids !== undefined && needsKey ? [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, "--clear-groups"] : []),
        ...(needsKey ? ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] : []),
        ...(dieWithUs && setpriv ? ["--pdeathsig=QUIT"] : []),
      ];
      if (flags.length === 0) return { file, args, options: ids ?? {} };
      return { file: "setpriv", args: [...flags, file, ...args], options: needsKey ? {} : (ids ?? {}) };
    },
  };
}

async function idsOfPostgres(): Promise<Ids> {
  try {
    return await ids();
  } catch {
    try {
      await run("useradd", ["--system", "--user-group", "--shell", "/usr/sbin/nologin", "postgres"]);
      return await ids();
    } catch (thrown) {
      throw new ShoalError(
        "unavailable",
        `PostgreSQL does not run as root, and the user postgres cannot be made (${messageOf(thrown).trim()})`,
        { cause: thrown },
      );
    }
  }
}

async function ids(): Promise<Ids> {
  const [uid, gid] = await Promise.all([run("id", ["-u", "postgres"]), run("id", ["-g", "postgres"])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function canReach(path: string, ids: Ids): Promise<boolean> {
  return run("test", ["-x", dirname(path)], { ...ids, cwd: "/" }).then(
    () => true,
    () => false,
  );
}
