/** Every bound that the broker keeps, by name. Tests lower them; nothing else does. */
export interface BusLimits {
  /** Connections that may be open at once; one more is refused at `connection.open` with 530. */
  readonly connections: number;
  /** Channels of one connection. */
  readonly channelMax: number;
  /** Bytes of one frame, overhead included. */
  readonly frameMax: number;
  /** Seconds between heartbeats that the broker proposes. */
  readonly heartbeatSeconds: number;
  /** From the first byte to `connection.open`. */
  readonly handshakeMs: number;
  /** Bytes of one message's body; larger ones are refused with 406, as RabbitMQ 4 does at the same size. */
  readonly messageBytes: number;
  /** Bytes of unfinished messages over all channels of a connection; above it the connection ends with 506. */
  readonly partialBytes: number;
  /** Bytes that wait for one client to read them, above which it gets no deliveries; with one message more it is not read from. */
  readonly socketBytes: number;
  /** Bytes of messages that are kept in memory; of what comes beyond, only the place on disk is remembered. */
  readonly residentBytes: number;
  /** Messages in all queues together, above which publishers are blocked until consumers have caught up. */
  readonly backlogMessages: number;
  /** Bytes that may wait for the disk before publishers are no longer read from. */
  readonly unwrittenBytes: number;
  /** Bytes free on the disk, below which publishers are blocked. */
  readonly diskFreeBytes: number;
  /** Bytes after which a new segment of the log is begun. */
  readonly segmentBytes: number;
  /** Bytes of the log that may be garbage, beyond as much as is alive. */
  readonly slackBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: BusLimits = {
  connections: 10_000,
  channelMax: 2047,
  frameMax: 131_072,
  heartbeatSeconds: 60,
  handshakeMs: 10_000,
  messageBytes: 16 * MIB,
  partialBytes: 64 * MIB,
  socketBytes: MIB,
  residentBytes: 32 * MIB,
  backlogMessages: 500_000,
  unwrittenBytes: 32 * MIB,
  diskFreeBytes: 50 * MIB,
  segmentBytes: 16 * MIB,
  slackBytes: 64 * MIB,
};
