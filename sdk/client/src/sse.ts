/** Bytes to server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */

export interface Message {
  /** The last id that the stream has told, also by an earlier message. */
  readonly id: string | undefined;
  readonly data: string;
}

/** Longest line kept; the server's events are far smaller, and what never ends must not fill the memory. */
const LONGEST_LINE = 1_000_000;

/**
 * Yields each message. A message that the stream's end cuts off is dropped, as the standard says, and so is its id: a
 * resumed stream sends it again. An id without data is yielded with empty data.
 */
export async function* readMessages(body: AsyncIterable<Uint8Array>, heard: () => void): AsyncGenerator<Message> {
  let id: string | undefined;
  let hasId = false;
  let data: string[] = [];
  for await (const line of readLines(body, heard)) {
    if (line === "") {
      if (data.length > 0 || hasId) yield { id, data: data.join("\n") };
      data = [];
      hasId = false;
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    if (name === "id" && !value.includes("\0")) {
      id = value;
      hasId = true;
    }
  }
}

/** Lines of UTF-8 text ended by LF or CRLF; what follows the last line end is dropped. */
async function* readLines(body: AsyncIterable<Uint8Array>, heard: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    heard();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LONGEST_LINE) throw new Error("a line of the event stream is too long");
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
