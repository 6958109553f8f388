/** `node:fs`, as far as blobs use it, in memory; a file that gets its final name, or goes, is noted for the store. */
import { files, noteChange } from "../files.ts";

export const { closeSync, existsSync, fsyncSync, mkdirSync, openSync, utimesSync } = files;
export const { writeFileSync, readdirSync } = files;
export const statSync = files.statSync.bind(files);
export const readFileSync = files.readFileSync.bind(files);

export function renameSync(from: string, to: string): void {
  files.renameSync(from, to);
  noteChange(from);
  noteChange(to);
}

export function rmSync(path: string, options?: { readonly force?: boolean; readonly recursive?: boolean }): void {
  files.rmSync(path, options);
  noteChange(path);
}

export function unlinkSync(path: string): void {
  files.unlinkSync(path);
  noteChange(path);
}

/** A browser does not say how much it will keep; it refuses the write that is too much. */
export const statfsSync = (_path: string) => ({ bavail: Number.MAX_SAFE_INTEGER / 4096, bsize: 4096 });
