/**
 * State in a folder of this machine or of a volume: `dory-state-{id}.json`. Written to a file beside it, synced, and renamed
 * over it, so that a crash or a cut of power at any moment leaves the old or the new state whole.
 *
 * The check of the revision and the rename are two steps. That is enough for one writer per volume, which a pod's own disk
 * and a ReadWriteOnce volume give; where two pods may hold the state at once, use a backend that compares on its server.
 */
import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DocumentName, StateBackend, StoredDocument } from "./backend.ts";

const MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_FOLDER = "/data";

/** `undefined` means /data where that can be written, else the system's temporary folder. */
export async function localFolder(folder: string | undefined): Promise<string> {
  if (folder !== undefined) return folder;
  return access(DEFAULT_FOLDER, constants.W_OK).then(
    () => DEFAULT_FOLDER,
    () => tmpdir(),
  );
}

export async function fileBackend(folder: string, processorId: string): Promise<StateBackend> {
  await mkdir(folder, { recursive: true }).catch(refused(folder));
  const pathOf = (name: DocumentName): string => join(folder, `dory-${name}-${processorId}.json`);
  return {
    maxBytes: MAX_BYTES,
    read: async (name) => read(pathOf(name)),
    write: async (name, text, expected) => {
      const path = pathOf(name);
      if ((await revisionOf(path)) !== expected) return "changed";
      await replace(folder, path, text).catch(refused(path));
      const revision = await revisionOf(path);
      return revision === undefined ? "changed" : { revision };
    },
    remove: (name) => rm(pathOf(name), { force: true }).catch(refused(pathOf(name))),
  };
}

async function read(path: string): Promise<StoredDocument | undefined> {
  const revision = await revisionOf(path);
  if (revision === undefined) return undefined;
  return { text: await readFile(path, "utf8").catch(refused(path)), revision };
}

/** Each write is a file of its own, so its inode, time and size tell the versions apart. */
async function revisionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino}-${mtimeNs}-${size}`;
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    return refused(path)(thrown);
  }
}

async function replace(folder: string, path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
  // The rename itself lives in the folder.
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const codeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && "code" in thrown ? String(thrown.code) : undefined;

function refused(path: string): (thrown: unknown) => never {
  return (thrown) => {
    throw new ShoalError("unavailable", `${path}: ${codeOf(thrown) ?? "failed"}`, { cause: thrown });
  };
}
