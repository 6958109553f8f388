/** A processor's log, line by line as it arrives. It cannot be resumed: a cut stream is told, not papered over. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

/** A longer line is given out in parts: what never ends must not fill the memory. */
const LONGEST_LINE = 1_000_000;

/** Ends with the log or the signal; throws `unavailable` where the connection was cut. */
export async function* readLog(response: Response, signal: AbortSignal | undefined): AsyncGenerator<string> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of response.body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      for (; rest.length > LONGEST_LINE; rest = rest.slice(LONGEST_LINE)) yield rest.slice(0, LONGEST_LINE);
    }
  } catch (thrown) {
    if (signal?.aborted === true) return;
    throw new ShoalError("unavailable", `the log was cut off: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (rest !== "") yield rest;
}
