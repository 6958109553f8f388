/**
 * When a stream has handed everything to its transport. The library's `onDrain` answers once and then says yes for ever, so its
 * events are watched here.
 */
import type { Stream } from "@libp2p/interface";

/** `late`: the signal came first; `broken`: the stream ended first. */
export function untilWritten(stream: Stream, signal: AbortSignal): Promise<"written" | "late" | "broken"> {
  const isDone = (): boolean => stream.writeBufferLength === 0 && !stream.writableNeedsDrain;
  if (isDone()) return Promise.resolve("written");
  return new Promise((resolve) => {
    const settle = (outcome: "written" | "late" | "broken"): void => {
      stream.removeEventListener("drain", look);
      stream.removeEventListener("idle", look);
      stream.removeEventListener("close", broken);
      signal.removeEventListener("abort", late);
      resolve(outcome);
    };
    // The stream goes on writing after its own listeners have run.
    const look = (): void => queueMicrotask(() => queueMicrotask(() => (isDone() ? settle("written") : undefined)));
    const broken = (): void => settle("broken");
    const late = (): void => settle("late");
    stream.addEventListener("drain", look);
    stream.addEventListener("idle", look);
    stream.addEventListener("close", broken);
    signal.addEventListener("abort", late);
    if (signal.aborted) late();
    if (stream.status !== "open" && stream.status !== "closing") broken();
  });
}
