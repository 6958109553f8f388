/**
 * Frames out of a stream of bytes: a 4-byte big-endian length, then so many bytes. Pieces arrive as the transport cuts them and
 * are copied once, when their frame is whole; a length above the limit is refused before one byte of it is kept.
 */
import { MAX_FRAME } from "../contract.ts";

export const HEADER_BYTES = 4;

export interface Frames {
  /** Takes a piece and returns the frames that are whole by it; undefined: the next frame is announced as too large. */
  push(piece: Uint8Array): readonly Uint8Array[] | undefined;
  /** Bytes of a frame that is not whole. */
  readonly pending: number;
}

export function createFrames(limit = MAX_FRAME): Frames {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  let headerBytes = 0;
  let pieces: Uint8Array[] = [];
  let have = 0;
  let refused = false;
  const frame = (length: number): Uint8Array => {
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    pieces = [];
    have = 0;
    headerBytes = 0;
    return whole;
  };
  return {
    push(piece) {
      if (refused) return undefined;
      const frames: Uint8Array[] = [];
      let at = 0;
      for (;;) {
        if (headerBytes < HEADER_BYTES) {
          const taken = piece.subarray(at, at + HEADER_BYTES - headerBytes);
          header.set(taken, headerBytes);
          headerBytes += taken.length;
          at += taken.length;
          if (headerBytes < HEADER_BYTES) return frames;
        }
        const length = view.getUint32(0);
        if (length > limit) {
          refused = true;
          return undefined;
        }
        const taken = piece.subarray(at, at + length - have);
        if (taken.length > 0) pieces.push(taken);
        have += taken.length;
        at += taken.length;
        if (have < length) return frames;
        frames.push(frame(length));
      }
    },
    get pending() {
      return headerBytes + have;
    },
  };
}

/** The 4 bytes before a frame of this length. */
export function headerOf(length: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, length);
  return header;
}
