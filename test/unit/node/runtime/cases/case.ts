/** One import, tried: calls of a script, and what each of them has to tell. */
import type { RunRequest } from "@shoal/node/runtime/contract.ts";
import type { Layout, Step } from "../guest.ts";

export type Expected = readonly [result: number | bigint, register?: string | Uint8Array];

export interface Case {
  /** Called before, in a run of its own, whose changes are applied. */
  readonly before?: (layout: Layout) => readonly Step[];
  readonly steps: (layout: Layout) => readonly Step[];
  /** One per step; a register that is not named is not looked at. Without: the run must end as `ends` says. */
  readonly tells?: readonly Expected[];
  /** `kind.detail` of the failure. */
  readonly ends?: string;
  readonly request?: Partial<RunRequest>;
}

export type Cases = Readonly<Record<string, Case>>;

export const u64 = (value: number | bigint): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return new Uint8Array(bytes);
};

export const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return new Uint8Array(bytes);
};

export const concat = (...parts: readonly (string | Uint8Array)[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part))));

/** count, then each after its length. */
export const listOf = (count: number, ...items: readonly string[]): Uint8Array =>
  concat(u32(count), ...items.flatMap((item) => [u32(Buffer.byteLength(item)), item]));
