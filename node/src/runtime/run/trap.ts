/**
 * What a host function throws to end a run. Names and texts are upstream's (HostError), since clients print them. A module
 * could not catch it (exceptions are refused at install), and the run keeps the first one regardless: see `run-state.ts`.
 */
export type TrapName =
  | "InvalidRegisterId"
  | "InvalidMemoryAccess"
  | "Panic"
  | "BadUTF8"
  | "DeserializationError"
  | "KeyLengthOverflow"
  | "ValueLengthOverflow"
  | "StorageWriteCountExceeded"
  | "StorageWriteBytesExceeded"
  | "ReturnValueSizeOverflow"
  | "EventHandlerSizeOverflow"
  | "LogLengthOverflow"
  | "LogsOverflow"
  | "EventsOverflow"
  | "EventKindSizeOverflow"
  | "EventDataSizeOverflow"
  | "XCallsOverflow"
  | "XCallFunctionSizeOverflow"
  | "XCallParamsSizeOverflow"
  | "ArtifactSizeOverflow"
  | "InvalidBlobHandle"
  | "TooManyBlobHandles"
  | "BlobBufferTooLarge"
  | "BlobWriteTooLarge"
  | "TotalBlobMemoryExceeded"
  | "BlobNotFound"
  | "Ed25519IncorrectPublicKey"
  | "HostCallsLimitExceeded"
  | "HostBytesLimitExceeded"
  | "UnsupportedFunction";

export class HostTrap extends Error {
  override readonly name = "HostTrap";
  readonly trap: TrapName;

  constructor(trap: TrapName, message: string) {
    super(message);
    this.trap = trap;
  }
}

/** The commonest one: a pointer, a length or a register that is not what the call needs. */
export function invalidAccess(): HostTrap {
  return new HostTrap("InvalidMemoryAccess", "invalid memory access");
}
