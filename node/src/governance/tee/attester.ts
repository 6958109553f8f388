/**
 * This machine's own quote: the kernel's on a TDX guest, a mock where the config allows one, otherwise a clear refusal.
 * Whether somebody else's quote was verified is said here too, and it is never said of one that was only read.
 */
import { readFile } from "node:fs/promises";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { hardwareQuote, mockQuote, type QuoteSource } from "../../kms/quote.ts";
import { readQuote, REPORT_DATA_BYTES, type Quote } from "./quote.ts";

export interface Attester {
  /** A quote over 64 bytes. Rejects `unavailable` where the machine makes none and mocks are not allowed. */
  readonly quote: QuoteSource;
  info(): Promise<{ readonly cloudProvider: string; readonly osImage: string; readonly mrtd: string }>;
  /** True of a mock where mocks are allowed. A real quote's chain is not verified by a node: false. */
  isVerified(quote: Quote): boolean;
}

/** `hardware`: the kernel's quotes, or another's in tests. */
export function createAttester(acceptMock: boolean, hardware: QuoteSource = hardwareQuote): Attester {
  const quote: QuoteSource = (reportData) =>
    hardware(reportData).catch((cause: unknown) => {
      if (acceptMock) return mockQuote(reportData);
      throw new ShoalError("unavailable", "this machine makes no quotes: its kernel offers no attestation reports", {
        cause,
      });
    });
  return {
    quote,
    async info() {
      const { mock, body } = readQuote(await quote(new Uint8Array(REPORT_DATA_BYTES)));
      if (mock) return { cloudProvider: "mock", osImage: "mock", mrtd: body.mrtd };
      return { cloudProvider: "unknown", osImage: await imageName(), mrtd: body.mrtd };
    },
    isVerified: ({ mock }) => mock && acceptMock,
  };
}

async function imageName(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? "unknown";
}
