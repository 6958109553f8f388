/**
 * The blobs' folder of a tab: files in memory, of which those that were given their final name are written through to
 * IndexedDB with the rows that refer to them. What is unfinished when the tab closes is gone, as after a crash.
 */
import { memfs } from "memfs";
import type { Change } from "./indexed-db.ts";

const { fs, vol } = memfs();

/** Files that changed since they were last taken. */
const changed = new Set<string>();

export const files = fs;

export function noteChange(path: string): void {
  changed.add(path);
}

export const hasChanges = (): boolean => changed.size > 0;

/** What is to be written so that the folder is kept as it is now; asked for before each write. */
export function takeChanges(): readonly Change[] {
  const paths = [...changed];
  changed.clear();
  return paths.map((path) => ({
    table: "files",
    key: path,
    value: vol.existsSync(path) ? Uint8Array.from(vol.readFileSync(path) as Uint8Array) : undefined,
  }));
}

/** Those were not kept after all: they are taken again. */
export function returnChanges(changes: readonly Change[]): void {
  for (const { key } of changes) if (typeof key === "string") changed.add(key);
}

/** Puts back what was kept. */
export function restore(kept: readonly (readonly [path: unknown, bytes: Uint8Array])[]): void {
  for (const [path, bytes] of kept) {
    if (typeof path !== "string") continue;
    vol.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    vol.writeFileSync(path, Buffer.from(bytes));
  }
}
