/** Everything that the Manager bounds, in one place. */
export interface ManagerLimits {
  /** Largest request body; it is refused while it streams in, never buffered beyond this. */
  readonly bodyMaxBytes: number;
  /** Deepest nesting of a JSON body. */
  readonly bodyMaxDepth: number;
  /** Requests a minute of one address without a valid credential. */
  readonly anonymousRequestsPerMinute: number;
  /** Longest that a looked-up credential is trusted before it is looked up again: how late a revocation may bite. */
  readonly credentialCacheMs: number;
  /** Longest life of a stream (events, followed logs). Below the platform's own limit, so that the end is a clean one. */
  readonly streamMaxMs: number;
  readonly heartbeatMs: number;
  /** Events that wait for a slow reader before its stream is ended. */
  readonly streamBufferEvents: number;
  /** Streams open at once for one organisation on one instance. */
  readonly streamsPerOrganisation: number;
  /** Longest that an answer waits for the dispatcher's wake-up to be enqueued; the sweep makes up for a lost one. */
  readonly wakeMaxMs: number;
  /** Proxies in front whose X-Forwarded-For entry is believed: 0 locally, 1 behind Google's front end. */
  readonly trustedProxies: number;
}

export const DEFAULT_LIMITS: ManagerLimits = {
  bodyMaxBytes: 1024 * 1024,
  bodyMaxDepth: 64,
  anonymousRequestsPerMinute: 120,
  credentialCacheMs: 5000,
  streamMaxMs: 55 * 60_000,
  heartbeatMs: 15_000,
  streamBufferEvents: 1000,
  streamsPerOrganisation: 100,
  wakeMaxMs: 1000,
  trustedProxies: 0,
};
