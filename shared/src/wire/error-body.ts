/** The body of every answer that is not a success. */
import { z } from "zod";
import { ERROR_STATUS, type ErrorCode } from "../base/errors.ts";

const codes = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

export const errorBodySchema = z.strictObject({
  error: z.strictObject({
    code: z.enum(codes),
    message: z.string().describe("a sentence for people"),
    field: z.string().optional().describe("path of the offending input, e.g. config.resources.cpu_request"),
    requestId: z.string().describe("quote it when you ask for help"),
  }),
});
export type ErrorBody = z.output<typeof errorBodySchema>;
