/** What a bundle may be. */
import { BUNDLE_MAX_BYTES, MANIFEST_SCAN_MAX_BYTES } from "@shoal/shared/wire/bundle.ts";

export interface BundleLimits {
  /** Of the archive as it comes. */
  readonly archiveBytes: number;
  /** Of everything that it unpacks to, headers and padding too: what bounds the work on a bomb. */
  readonly unpackedBytes: number;
  readonly entries: number;
  /** Unpacked bytes within which the manifest ends. */
  readonly manifestScanBytes: number;
  readonly moduleBytes: number;
  readonly abiBytes: number;
}

const MIB = 1024 * 1024;

export const BUNDLE_LIMITS: BundleLimits = {
  archiveBytes: BUNDLE_MAX_BYTES,
  unpackedBytes: BUNDLE_MAX_BYTES,
  entries: 4096,
  manifestScanBytes: MANIFEST_SCAN_MAX_BYTES,
  moduleBytes: 20 * MIB,
  abiBytes: 4 * MIB,
};
