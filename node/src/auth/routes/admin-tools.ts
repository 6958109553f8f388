/** What every route of `/admin` begins with. */
import type { Context } from "hono";
import type { z } from "zod";
import { scoped } from "../permissions.ts";
import type { Verified } from "../verifier.ts";
import { readBody } from "./body.ts";
import type { RoutesInit } from "./routes.ts";

export interface AdminTools {
  /** Who calls; throws where they do not hold `required`. */
  readonly may: (context: Context, required: string) => Promise<Verified>;
  readonly body: <T>(context: Context, schema: z.ZodType<T>) => Promise<T>;
  /** A permission on one key. What cannot be a key's id is not found, whoever asks. */
  readonly onKey: (path: string, keyId: string) => string;
}

export function adminTools({ guard, settings }: RoutesInit): AdminTools {
  return {
    may: (context, required) => guard.authorize(context.req.raw, required),
    body: (context, schema) => readBody(context.req.raw, schema, settings.maxBodyBytes),
    onKey: (path, keyId) => (/^[0-9a-f]{32}$/.test(keyId) ? scoped(path, [keyId]) : path),
  };
}
