/** `createGunzip` of `node:zlib`, by the browser's own: it takes one member, and checks its length and sum. */
import { Duplex } from "node:stream";

/** A byte may become a thousand, and what came of one step is in memory together. */
const STEP_BYTES = 4096;

export const createGunzip = (): Duplex => Duplex.from(unpacked);

async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const { readable, writable } = new DecompressionStream("gzip");
  const [writer, reader] = [writable.getWriter(), readable.getReader()];
  const feeding = feed(source, writer);
  // What is wrong with the content is told by the reader; what with the source, below.
  feeding.catch(() => undefined);
  writer.closed.catch(() => undefined);
  try {
    for (let got = await reader.read(); !got.done; got = await reader.read()) yield Buffer.from(got.value);
    await feeding;
  } finally {
    await writer.abort().catch(() => undefined);
  }
}

async function feed(
  source: AsyncIterable<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += STEP_BYTES) {
        await writer.write(Uint8Array.from(chunk.subarray(at, at + STEP_BYTES)));
      }
    }
    await writer.close();
  } catch (thrown) {
    // The reader waits for more otherwise.
    await writer.abort(thrown);
    throw thrown;
  }
}
