/** How a container's command becomes a process's. Pure. */
import { basename } from "node:path";
import type { Exit } from "../kubelet/driver.ts";
import { timestamp } from "@shoal/shared/base/time.ts";

/** The heap is most of a Node process but not all of it; the rest of the limit is for what V8 does not count. */
const HEAP_SHARE = 0.75;

export interface HostTools {
  /** The runtime that runs us, in place of a `node` of unknown version on the PATH. */
  readonly node: string;
  /** util-linux' setpriv where there is one. */
  readonly setpriv: string | undefined;
}

/** Words to spawn. `dieWithUs` makes the kernel kill the process when its parent ends, however that ends. */
export function wordsOf(
  command: readonly string[],
  memoryLimitMiB: number | undefined,
  tools: HostTools,
  dieWithUs: boolean,
): readonly string[] {
  const [program = "", ...rest] = command;
  const isNode = basename(program) === "node";
  const heap = isNode && memoryLimitMiB !== undefined ? [heapFlag(memoryLimitMiB)] : [];
  const words = isNode ? [program === "node" ? tools.node : program, ...heap, ...rest] : [...command];
  return dieWithUs && tools.setpriv !== undefined ? [tools.setpriv, "--pdeathsig", "KILL", "--", ...words] : words;
}

function heapFlag(memoryLimitMiB: number): string {
  return `--max-old-space-size=${Math.max(16, Math.floor(memoryLimitMiB * HEAP_SHARE))}`;
}

/** Numbers of the signals that end containers. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** What the end of a process means. A Node process that runs out of heap says so and aborts. */
export function exitOf(code: number | null, signal: string | null, logTail: string, now: number): Exit {
  const finishedAt = timestamp(now);
  const number = signal === null ? undefined : (SIGNALS[signal] ?? 0);
  const exitCode = code ?? 128 + (number ?? 0);
  const aborted = signal === "SIGABRT" || code === 134;
  if (aborted && /heap out of memory/i.test(logTail)) {
    return { exitCode: 137, signal: undefined, reason: "OOMKilled", message: "", finishedAt };
  }
  return { exitCode, signal: undefined, reason: exitCode === 0 ? "Completed" : "Error", message: "", finishedAt };
}
