/** Lists: a bounded page, a stable order, and an opaque cursor to go on from. */
import { z } from "zod";

export const PAGE_LIMIT = { default: 50, max: 200 } as const;

/** Query fields of every list. Text in a URL is read as a number; a typed caller gives a number. */
export const pageQuery = {
  limit: z.coerce.number<number>().int().min(1).max(PAGE_LIMIT.max).default(PAGE_LIMIT.default),
  cursor: z.string().min(1).max(500).optional().describe("`next_cursor` of the page before"),
};

export const pageOf = <Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next_cursor: z.ZodNullable<z.ZodString> }, z.core.$strict> =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable().describe("null on the last page") });

/** A switch in a query: `true` or `false`. */
export const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);
