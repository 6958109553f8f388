/** `app.json`: what an author says of an app, and what of it goes into the bundle's manifest. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { isSemver } from "@shoal/shared/base/semver.ts";
import { PACKAGE_PATTERN } from "@shoal/shared/wire/bundle.ts";
import { z } from "zod";
import { BuildError } from "../problem.ts";

const DESCRIPTION_FILE = "app.json";

const Description = z.strictObject({
  package: z.string().regex(PACKAGE_PATTERN, "expected reverse DNS, such as org.example.notes"),
  version: z.string().refine(isSemver, "expected a semantic version, such as 1.4.0"),
  name: z.string().min(1).max(100),
  description: z.string().max(1000).optional(),
  author: z.string().max(100).optional(),
  license: z.string().max(100).optional(),
  icon: z.string().max(1000).optional(),
  tags: z.array(z.string().min(1).max(50)).max(20).optional(),
  links: z.strictObject({ frontend: z.url(), github: z.url(), docs: z.url() }).partial().optional(),
});
export type Description = z.infer<typeof Description>;

/** Reads `folder/app.json`. Throws a `BuildError` that names each member at fault. */
export async function descriptionOf(folder: string): Promise<Description> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(folder, DESCRIPTION_FILE), "utf8"));
  } catch (thrown) {
    throw new BuildError([{ path: DESCRIPTION_FILE, message: messageOf(thrown) }]);
  }
  const parsed = Description.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BuildError(
    parsed.error.issues.map(({ path, message }) => ({
      path: DESCRIPTION_FILE,
      message: path.length === 0 ? message : `${path.join(".")}: ${message}`,
    })),
  );
}
