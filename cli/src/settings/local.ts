/** `.shoal/local.json`: what a local `npm start` tells of itself, found like a repository: here or in the nearest parent. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { parseFile } from "./private-file.ts";

/** Loose: the file is written by a newer or older checkout as well. */
const localSchema = z.looseObject({
  apiUrl: z.string(),
  token: z.string(),
  amqpUrl: z.string().optional(),
  issuer: z.string().optional(),
});

export interface Local extends z.output<typeof localSchema> {
  readonly path: string;
}

export async function findLocal(cwd: string): Promise<Local | undefined> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, ".shoal", "local.json");
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return { ...parseFile(localSchema, text, path), path };
    if (dirname(folder) === folder) return undefined;
  }
}
