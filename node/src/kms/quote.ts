/** A quote of this machine over 64 bytes of report data, by the kernel's configfs interface (Linux 6.7, `tsm/report`). */
import { mkdtemp, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

const REPORTS = "/sys/kernel/config/tsm/report";
/** What a mock quote begins with, so that nobody can take it for one. */
export const MOCK_QUOTE_PREFIX = "MOCK_TDX_QUOTE_V1";

export type QuoteSource = (reportData: Uint8Array) => Promise<Uint8Array>;

/** Throws `unavailable` where this machine makes no quotes. */
export const hardwareQuote: QuoteSource = async (reportData) => {
  try {
    // A directory of one's own is a request of one's own.
    const request = await mkdtemp(join(REPORTS, "shoal-"));
    try {
      await writeFile(join(request, "inblob"), reportData);
      return await readFile(join(request, "outblob"));
    } finally {
      await rmdir(request);
    }
  } catch (cause) {
    throw new ShoalError("unavailable", `this machine makes no quotes: ${messageOf(cause)}`, { cause });
  }
};

export const mockQuote: QuoteSource = async (reportData) => Buffer.concat([Buffer.from(MOCK_QUOTE_PREFIX), reportData]);
