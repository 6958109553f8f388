/** `[runtime.limits]`: every limit of a run under its name in snake case; three more names are upstream's. */
import { z } from "zod";
import { DEFAULT_LIMITS, type VmLimits } from "../runtime/limits.ts";
import { whole } from "./values.ts";

type LimitName = keyof VmLimits;
const NAMES = Object.keys(DEFAULT_LIMITS) as LimitName[];

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** WebAssembly knows no more pages; everything else is bounded by what numbers can say. */
const MOST: Partial<Record<LimitName, number>> = { maxMemoryPages: 65_536 };

const shape = Object.fromEntries(
  NAMES.map((name) => [snake(name), whole(1, MOST[name] ?? Number.MAX_SAFE_INTEGER).optional()]),
);

export const limitsSection = z
  .strictObject({
    ...shape,
    /** Upstream's name of `max_log_bytes`. */
    max_log_size: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    /** Upstream keeps compiled machine code; here the engine does, and bounds it itself. */
    max_precompiled_module_size: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  })
  .transform((section, context): VmLimits => {
    const { max_log_size: logSize, max_precompiled_module_size: _unused, ...given } = section;
    if (logSize !== undefined && "max_log_bytes" in given)
      context.addIssue({ code: "custom", path: ["max_log_size"], message: "is the same as max_log_bytes: give one" });
    // The schema above has let only names of limits and numbers through.
    const numbers = { ...given, ...(logSize === undefined ? {} : { max_log_bytes: logSize }) } as Record<
      string,
      number
    >;
    const limits: Record<string, number | bigint> = { ...DEFAULT_LIMITS };
    for (const name of NAMES) {
      const value = numbers[snake(name)];
      if (value !== undefined) limits[name] = typeof DEFAULT_LIMITS[name] === "bigint" ? BigInt(value) : value;
    }
    return limits as unknown as VmLimits;
  });
