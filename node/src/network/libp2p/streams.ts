/**
 * What the library's streams leave to their user. When a stream has handed everything to its transport. The library's `onDrain` answers once and then says yes for ever, so its
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

/** Streams that are just reading on, and whether they shall stop again when that is done. */
const resuming = new WeakMap<Stream, boolean>();

/**
 * Reads on where reading was stopped; also what a stream has left whose connection is gone, which the library would throw for.
 */
export function readOn(stream: Stream): void {
  if (resuming.has(stream)) return void resuming.set(stream, false);
  if (stream.readStatus !== "paused") return;
  resuming.set(stream, false);
  try {
    stream.resume();
  } catch {
    // What was left is delivered before it tells the other side, which is not there.
  }
  const stops = resuming.get(stream) === true;
  resuming.delete(stream);
  if (stops) stopReading(stream);
}

/**
 * Stops reading. Within `resume`, which delivers what is there and opens the peer's window after that, a pause would be undone
 * for the window alone: the peer would go on sending into a buffer that nobody reads, until the library tears the stream.
 */
export function stopReading(stream: Stream): void {
  if (resuming.has(stream)) resuming.set(stream, true);
  else if (stream.readStatus === "readable") stream.pause();
}
