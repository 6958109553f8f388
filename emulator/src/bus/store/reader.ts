/**
 * Reads contents back from the log. A backlog is read in the order it was written, so each read takes a window along; the
 * reads are synchronous, since they come from the page cache or cost one seek, and order stays plain.
 */
import { readSync } from "node:fs";
import type { Place, Segment } from "./log.ts";
import { readRecord, type Content } from "./record.ts";

const WINDOW = 256 * 1024;

export class LogReader {
  #segment: Segment | undefined;
  #from = 0;
  #window = Buffer.alloc(0);

  /** The content is a copy: it does not keep the window alive. Throws where the disk has lost it. */
  content(place: Place): Content {
    const { segment, offset, length } = place;
    const inside = this.#segment === segment && offset >= this.#from && offset + length <= this.#end;
    if (!inside) this.#load(place);
    const at = offset - this.#from;
    const read = readRecord(Buffer.from(this.#window.subarray(at, at + length)), 0);
    if (read?.record.type !== "message") throw new Error(`${segment.path} has lost the message at byte ${offset}`);
    return read.record.message.content;
  }

  get #end(): number {
    return this.#from + this.#window.length;
  }

  #load({ segment, offset, length }: Place): void {
    const window = Buffer.allocUnsafeSlow(Math.max(WINDOW, length));
    const size = readSync(segment.fd, window, 0, window.length, offset);
    this.#segment = segment;
    this.#from = offset;
    this.#window = window.subarray(0, size);
  }
}
