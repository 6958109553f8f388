/**
 * Reads the log after a stop or a kill. The last segment may end in a torn record, which was never confirmed: it is cut
 * off. Damage anywhere else is the disk's, and is said rather than skipped, because confirmed messages may lie behind it.
 */
import { ftruncateSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import { segmentPath, type Place, type Segment } from "./log.ts";
import { readRecord, type LogRecord, type TopologyRecord } from "./record.ts";

export interface RecoveredMessage {
  readonly seq: number;
  place: Place;
  bodyBytes: number;
  /** By queue id. */
  readonly references: Map<number, { readonly expiresAt: number; deliveries: number }>;
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
  const segments = ids.map((id, index) => readSegment(folder, id, index === ids.length - 1, replay, log));
  return {
    segments,
    topology: new Map([...replay.topology].sort(([a], [b]) => a - b)),
    messages: [...replay.messages.values()].sort((a, b) => a.seq - b.seq),
    lastId: replay.lastId,
    lastSeq: replay.lastSeq,
  };
}

function readSegment(folder: string, id: number, last: boolean, replay: Replay, log: Logger): Segment {
  const path = segmentPath(folder, id);
  const bytes = readFileSync(path);
  const segment: Segment = { id, path, fd: openSync(path, "r+"), size: bytes.length, topology: false };
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
          references: new Map(references.map(({ queue, ...reference }) => [queue, { ...reference }])),
        });
      return;
    }
    case "settled":
      for (const seq of record.seqs) {
        const message = replay.messages.get(seq);
        if (message?.references.delete(record.queue) === true && message.references.size === 0)
          replay.messages.delete(seq);
      }
      return;
    case "delivered": {
      const reference = replay.messages.get(record.seq)?.references.get(record.queue);
      if (reference !== undefined) reference.deliveries = record.deliveries;
      return;
    }
  }
}
