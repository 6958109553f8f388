/** How much a processor forgets: each level does what the one before does, and one thing more. */
export const RESET_LEVELS = ["SOFT", "MODERATE", "FULL", "FACTORY"] as const;
export type ResetLevel = (typeof RESET_LEVELS)[number];

/** `caches`: what can be computed again; `session`: the state in memory; `state`: what the backend keeps. */
export type ResetStep = "caches" | "session" | "state" | "counters";

export const RESET_STEPS: Readonly<Record<ResetLevel, readonly ResetStep[]>> = {
  SOFT: ["caches"],
  MODERATE: ["caches", "session"],
  FULL: ["caches", "session", "state"],
  FACTORY: ["caches", "session", "state", "counters"],
};
