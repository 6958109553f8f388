/** Values that several endpoints of a node carry, with their caps. */
import { z } from "zod";

const KIB = 1024;

/** What a node takes at most, by item (bytes, characters or count). */
export const NODE_CAPS = {
  metadataBytes: 64 * KIB,
  initializationBytes: 1024 * KIB,
  packageName: 128,
  version: 64,
  url: 2048,
  path: 4096,
  quoteBytes: 64 * KIB,
  capabilities: 100,
  pageLimit: 1000,
  pageOffset: 1_000_000,
  validForSeconds: 365 * 24 * 3600,
  aliasBytes: 50,
  blobBytes: 1024 * 1024 * KIB,
  methodBytes: 256,
  argumentBytes: 10 * 1024 * KIB,
  ephemeralBytes: 16 * KIB,
} as const;

/** Bytes as JSON carries them: an array of numbers. Checked in one loop, since a megabyte of them is usual. */
export const byteArraySchema = (most: number): z.ZodType<Uint8Array, readonly number[]> =>
  z
    .custom<readonly number[]>(isBytes, { error: "expected an array of bytes (0 to 255)", abort: true })
    .refine((bytes) => bytes.length <= most, { error: `expected at most ${most} bytes` })
    .transform((bytes) => Uint8Array.from(bytes))
    .meta({ type: "array", items: { type: "integer", minimum: 0, maximum: 255 }, maxItems: most });

function isBytes(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  for (const byte of value as readonly unknown[]) {
    if (typeof byte !== "number" || !Number.isInteger(byte) || byte < 0 || byte > 255) return false;
  }
  return true;
}

/** Upstream's clients write null for what they leave out: both are undefined here. */
export const optionally = <T extends z.ZodType>(
  schema: T,
): z.ZodPipe<
  z.ZodOptional<z.ZodNullable<T>>,
  z.ZodTransform<z.output<T> | undefined, z.output<T> | null | undefined>
> => schema.nullish().transform((value) => value ?? undefined);

/** Query fields of lists that are read by offset. Text in a URL is read as a number; a typed caller gives a number. */
export const offsetQuery = {
  offset: z.coerce.number<number>().int().min(0).max(NODE_CAPS.pageOffset).default(0),
  limit: z.coerce.number<number>().int().min(1).max(NODE_CAPS.pageLimit).default(100),
};
