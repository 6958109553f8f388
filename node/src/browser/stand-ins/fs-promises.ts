/** `node:fs/promises`, as far as blobs use it: see `fs.ts`. */
import { files } from "../files.ts";
import { renameSync, rmSync } from "./fs.ts";

export const { mkdir, open, readdir, readFile, stat, utimes, writeFile } = files.promises;

export const rename = async (from: string, to: string): Promise<void> => renameSync(from, to);

export const rm = async (
  path: string,
  options?: { readonly force?: boolean; readonly recursive?: boolean },
): Promise<void> => rmSync(path, options);
