/** One process of functions, kept alive; each function listens on a loopback port of its own. */
import { fileURLToPath } from "node:url";
import { keep, type KeepOptions } from "../processes/keep.ts";
import type { Ready } from "./serve.ts";

export interface GroupOptions extends Pick<KeepOptions, "name" | "env" | "log" | "clock" | "random"> {
  readonly targets: readonly string[];
  readonly source: string;
}

export interface Group {
  readonly name: string;
  readonly targets: readonly string[];
  /** `undefined` while the process is down or not ready. */
  portOf(target: string): number | undefined;
  pid(): number | undefined;
  restarts(): number;
  kill9(): void;
  stop(): Promise<void>;
}

const SERVE = fileURLToPath(new URL("./serve.ts", import.meta.url));

/** Resolves when every target listens. Errors: `internal` where the process ends before that, the first time. */
export async function startGroup(options: GroupOptions): Promise<Group> {
  const { targets, source } = options;
  const kept = await keep<Ready>({
    ...options,
    module: SERVE,
    says: "message",
    env: { ...options.env, FUNCTIONS_SOURCE: source, FUNCTION_TARGETS: targets.join(",") },
  });
  return { ...kept, targets, portOf: (target) => kept.ready()?.ports[target] };
}
