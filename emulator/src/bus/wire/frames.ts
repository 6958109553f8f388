/**
 * Frames: type, channel, size, payload, end octet. The splitter is fed whatever the socket gives and hands out whole frames;
 * a size above the limit is refused before a byte of it is stored.
 */
import { AmqpError } from "./errors.ts";
import { Writer } from "./fields.ts";
import { writeMethod, type Arguments, type MethodName } from "./methods.ts";

export const FRAME = { METHOD: 1, HEADER: 2, BODY: 3, HEARTBEAT: 8 } as const;
const FRAME_END = 0xce;
/** Header and end octet, which count into frame-max. */
export const FRAME_OVERHEAD = 8;

export const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
export const HEARTBEAT_FRAME = Buffer.from([FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END]);

export interface Frame {
  readonly type: number;
  readonly channel: number;
  /** A view into the socket's chunk: copy what is kept. */
  readonly payload: Buffer;
}

export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);
  /** Largest frame, overhead included, that the sender may send. */
  frameMax: number;

  constructor(frameMax: number) {
    this.frameMax = frameMax;
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /** The next whole frame; undefined until more bytes come. Throws 501. */
  next(): Frame | undefined {
    const bytes = this.#rest;
    if (bytes.length < 7) return undefined;
    const type = bytes[0] as number;
    if (type !== FRAME.METHOD && type !== FRAME.HEADER && type !== FRAME.BODY && type !== FRAME.HEARTBEAT)
      throw new AmqpError("FRAME_ERROR", `no frame type ${type}`);
    const size = bytes.readUInt32BE(3);
    if (size + FRAME_OVERHEAD > this.frameMax)
      throw new AmqpError("FRAME_ERROR", `a frame of ${size} bytes, above frame-max ${this.frameMax}`);
    const end = 7 + size;
    if (bytes.length <= end) return undefined;
    if (bytes[end] !== FRAME_END) throw new AmqpError("FRAME_ERROR", "a frame without its end octet");
    this.#rest = bytes.subarray(end + 1);
    return { type, channel: bytes.readUInt16BE(1), payload: bytes.subarray(7, end) };
  }
}

function openFrame(type: number, channel: number): Writer {
  const writer = new Writer();
  writer.octet(type);
  writer.short(channel);
  writer.long(0);
  return writer;
}

function closeFrame(writer: Writer): Buffer {
  writer.octet(FRAME_END);
  const bytes = writer.done();
  bytes.writeUInt32BE(bytes.length - FRAME_OVERHEAD, 3);
  return bytes;
}

export function methodFrame<N extends MethodName>(channel: number, name: N, args: Arguments<N>): Buffer {
  const writer = openFrame(FRAME.METHOD, channel);
  writeMethod(writer, name, args);
  return closeFrame(writer);
}

/** Content as the frames that follow its method: a header, then bodies no larger than frame-max allows. */
export function contentFrames(channel: number, properties: Buffer, body: Buffer, frameMax: number): Buffer {
  const piece = frameMax - FRAME_OVERHEAD;
  const pieces = Math.ceil(body.length / piece);
  const headerSize = 12 + properties.length;
  const bytes = Buffer.allocUnsafe(headerSize + FRAME_OVERHEAD + body.length + pieces * FRAME_OVERHEAD);
  let at = frameHead(bytes, 0, FRAME.HEADER, channel, headerSize);
  bytes.writeUInt32BE(60 << 16, at);
  bytes.writeUInt32BE(Math.floor(body.length / 2 ** 32), at + 4);
  bytes.writeUInt32BE(body.length >>> 0, at + 8);
  at += 12 + properties.copy(bytes, at + 12);
  bytes[at++] = FRAME_END;
  for (let from = 0; from < body.length; from += piece) {
    const size = Math.min(piece, body.length - from);
    at = frameHead(bytes, at, FRAME.BODY, channel, size);
    at += body.copy(bytes, at, from, from + size);
    bytes[at++] = FRAME_END;
  }
  return bytes;
}

function frameHead(bytes: Buffer, at: number, type: number, channel: number, size: number): number {
  bytes[at] = type;
  bytes.writeUInt16BE(channel, at + 1);
  bytes.writeUInt32BE(size, at + 3);
  return at + 7;
}
