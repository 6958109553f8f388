/** Where a publisher stood, as it is kept inside the processor's state. */
export interface PublisherState {
  /** Names the history that `sequence` counts. */
  readonly stream: `${string}-${string}-${string}-${string}-${string}`;
  readonly sequence: number;
  readonly unconfirmed: readonly KeptEvent[];
}

interface KeptEvent {
  readonly message_id: string;
  readonly sequence: number;
  readonly event_type: string;
  readonly geohash?: string;
  /** The envelope's JSON text, byte for byte. */
  readonly body: string;
}

/** `undefined` for what no publisher captured: a machine's without a bus, or none. */
export function readState(captured: unknown): PublisherState | undefined {
  if (typeof captured !== "object" || captured === null) return undefined;
  const { stream, sequence, unconfirmed } = captured as Partial<Record<keyof PublisherState, unknown>>;
  if (typeof stream !== "string" || typeof sequence !== "number" || !Array.isArray(unconfirmed)) return undefined;
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(stream) || !unconfirmed.every(isKept)) return undefined;
  return { stream: stream as PublisherState["stream"], sequence, unconfirmed };
}

function isKept(value: unknown): value is KeptEvent {
  if (typeof value !== "object" || value === null) return false;
  const {
    message_id: id,
    sequence,
    event_type: type,
    geohash,
    body,
  } = value as Partial<Record<keyof KeptEvent, unknown>>;
  const texts = typeof id === "string" && typeof type === "string" && typeof body === "string";
  return texts && typeof sequence === "number" && (geohash === undefined || typeof geohash === "string");
}
