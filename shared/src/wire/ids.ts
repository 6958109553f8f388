/** Ids and names as they arrive from outside. An id of the wrong shape is looked up all the same: it is simply not found. */
import { z } from "zod";
import { idPattern } from "../base/ids.ts";
import { PROCESSOR_LIMITS } from "../model/processor.ts";

/** A resource by its id or by its name within the organisation: no name may have the shape of an id. */
export const idOrNameSchema = z.string().min(1).max(128).describe("id, or name within the organisation");
export const idSchema = z.string().min(1).max(128);

/** A DNS label: it becomes part of pod names and of routing keys, so dots are refused. */
export const processorNameSchema = z
  .string()
  .max(PROCESSOR_LIMITS.nameMaxLength)
  .regex(PROCESSOR_LIMITS.namePattern, "a DNS label: lower-case letters, digits and hyphens, starting with a letter")
  .refine((name) => !idPattern("processor").test(name), "has the shape of an id");

export const slugSchema = z
  .string()
  .max(40)
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, "lower-case letters, digits and hyphens, starting with a letter")
  .refine((slug) => !idPattern("template").test(slug), "has the shape of an id");

/** What a person may call something: one line, no control characters. */
export const displayNameSchema = (maxLength: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, "one line without control characters");

export const instantSchema = z.iso.datetime({ offset: true }).describe("RFC 3339");
