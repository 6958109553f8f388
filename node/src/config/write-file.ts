/** Writes a file whole or not at all, readable by its owner only. */
import { open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Beside the file first, then over it; a crash leaves the old one or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    // What a crash left behind may have other rights.
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(beside, path);
  } catch (thrown) {
    await unlink(beside).catch(() => undefined);
    throw thrown;
  }
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
