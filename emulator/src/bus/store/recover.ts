/**
 * Reads the log after a stop or a kill. The last segment may end in a torn record, which was never confirmed: it is cut
 * off. Damage anywhere else is the disk's, and is said rather than skipped, because confirmed messages may lie behind it.
 */
import { ftruncateSync, fsyncSync, fstatSync, mkdirSync, openSync, readdirSync, readSync } from "node:fs";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import { segmentPath, type Place, type Segment } from "./log.ts";
import { readRecord, type LogRecord, type Reference, type TopologyRecord } from "./record.ts";

type Held = { -readonly [K in keyof Reference]: Reference[K] };

export interface RecoveredMessage {
  readonly seq: number;
  place: Place;
  bodyBytes: number;
  /** Few, as a rule one: a list is smaller than a map, and a backlog has many messages. */
  readonly references: Held[];
}

export interface Recovered {
  readonly segments: readonly Segment[];
  /** Live topology by id, in the order of the ids. */
  readonly topology: ReadonlyMap<number, TopologyRecord>;
  /** In the order of publication. */
  readonly messages: readonly RecoveredMessage[];
  readonly lastId: number;
  readonly lastSeq: number;
}

interface Replay {
  readonly topology: Map<number, TopologyRecord>;
  readonly messages: Map<number, RecoveredMessage>;
  lastId: number;
  lastSeq: number;
}

/** Throws `internal` naming file and offset where the log is damaged before its end. */
export function recover(folder: string, log: Logger): Recovered {
  mkdirSync(folder, { recursive: true });
  const ids = readdirSync(folder)
    .filter((name) => /^\d{10}\.log$/.test(name))
    .map((name) => Number(name.slice(0, 10)))
    .sort((a, b) => a - b);
  const replay: Replay = { topology: new Map(), messages: new Map(), lastId: 0, lastSeq: 0 };
  const buffer: SegmentBuffer = { bytes: Buffer.alloc(0) };
  const segments = ids.map((id, index) => readSegment(folder, id, index === ids.length - 1, replay, log, buffer));
  return {
    segments,
    topology: new Map([...replay.topology].sort(([a], [b]) => a - b)),
    messages: [...replay.messages.values()].sort((a, b) => a.seq - b.seq),
    lastId: replay.lastId,
    lastSeq: replay.lastSeq,
  };
}

/** One buffer for all segments, since a large log would otherwise leave its own size in garbage behind. */
interface SegmentBuffer {
  bytes: Buffer;
}

function readInto(buffer: SegmentBuffer, fd: number): Buffer {
  const { size } = fstatSync(fd);
  if (buffer.bytes.length < size) buffer.bytes = Buffer.allocUnsafeSlow(size);
  let read = 0;
  for (let more = -1; more !== 0; read += more) more = readSync(fd, buffer.bytes, read, size - read, read);
  return buffer.bytes.subarray(0, read);
}

function readSegment(
  folder: string,
  id: number,
  last: boolean,
  replay: Replay,
  log: Logger,
  buffer: SegmentBuffer,
): Segment {
  const path = segmentPath(folder, id);
  const fd = openSync(path, "r+");
  const bytes = readInto(buffer, fd);
  const segment: Segment = { id, path, fd, size: bytes.length, topology: false };
  for (let offset = 0; offset < bytes.length;) {
    const read = readRecord(bytes, offset);
    if (read === undefined) {
      if (!last)
        throw new ShoalError("internal", `the broker's log is damaged: ${path} at byte ${offset} of ${bytes.length}`, {
          field: "dataDir",
        });
      log.warn({ path, offset, bytes: bytes.length - offset }, "cut a torn end off the broker's log");
      ftruncateSync(segment.fd, offset);
      fsyncSync(segment.fd);
      segment.size = offset;
      break;
    }
    apply(replay, read.record, { segment, offset, length: read.length });
    offset += read.length;
  }
  return segment;
}

function apply(replay: Replay, record: LogRecord, place: Place): void {
  switch (record.type) {
    case "topology": {
      place.segment.topology = true;
      const { id, kind } = record.record;
      replay.lastId = Math.max(replay.lastId, id);
      if (kind === "gone") replay.topology.delete(id);
      else replay.topology.set(id, record.record);
      return;
    }
    case "message": {
      const { seq, references, content } = record.message;
      replay.lastSeq = Math.max(replay.lastSeq, seq);
      // A copy that compaction made says anew who keeps the message.
      if (references.length === 0) replay.messages.delete(seq);
      else
        replay.messages.set(seq, {
          seq,
          place,
          bodyBytes: content.body.length,
          references: references as Held[],
        });
      return;
    }
    case "settled":
      for (const seq of record.seqs) {
        const references = replay.messages.get(seq)?.references;
        const at = references?.findIndex((each) => each.queue === record.queue) ?? -1;
        if (references === undefined || at === -1) continue;
        references.splice(at, 1);
        if (references.length === 0) replay.messages.delete(seq);
      }
      return;
    case "delivered": {
      const reference = replay.messages.get(record.seq)?.references.find((each) => each.queue === record.queue);
      if (reference !== undefined) reference.deliveries = record.deliveries;
      return;
    }
  }
}
