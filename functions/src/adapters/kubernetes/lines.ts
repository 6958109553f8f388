/** Lines of a byte stream, whichever way the network cut it: inside a line, inside a character, many lines at once. */

export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
}

/**
 * Yields each line without its end. A remainder without a line end is yielded where `partial` says so (text logs), and
 * otherwise means that the stream was cut: then it throws.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly maxLength: number; readonly partial: "yield" | "throw" },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of chunks) {
    held += decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = held.indexOf("\n", start); end !== -1; end = held.indexOf("\n", start)) {
      yield held.slice(start, end);
      start = end + 1;
    }
    if (start > 0) held = held.slice(start);
    if (held.length > options.maxLength) throw new LineTooLong(`a line is longer than ${options.maxLength} characters`);
  }
  held += decoder.decode();
  if (held === "") return;
  if (options.partial === "throw") throw new Error("the stream ended inside a line");
  yield held;
}
