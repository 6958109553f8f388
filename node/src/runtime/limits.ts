/** What a run may use (reference: VMLimits, G3 values). Every limit is configurable under `[runtime.limits]` of config.toml. */
export interface VmLimits {
  /** Points, one per WebAssembly operator executed. */
  readonly maxGas: bigint;
  /** 64 KiB pages of linear memory. */
  readonly maxMemoryPages: number;
  /** Bytes of guest stack, counted deterministically by the instrumented module. */
  readonly maxStackBytes: number;
  readonly maxRegisters: number;
  readonly maxRegisterBytes: number;
  /** Over all registers of a run. */
  readonly maxRegistersBytes: number;
  readonly maxLogs: number;
  readonly maxLogBytes: number;
  readonly maxEvents: number;
  readonly maxEventKindBytes: number;
  readonly maxEventDataBytes: number;
  readonly maxHandlerNameBytes: number;
  readonly maxXCalls: number;
  readonly maxXCallFunctionBytes: number;
  readonly maxXCallParamsBytes: number;
  readonly maxStorageKeyBytes: number;
  readonly maxStorageValueBytes: number;
  readonly maxStorageWrites: number;
  readonly maxStorageWriteBytes: number;
  readonly maxBlobHandles: number;
  readonly maxBlobChunkBytes: number;
  readonly maxBlobBytes: number;
  readonly maxIndexScanRows: number;
  readonly maxReturnBytes: number;
  readonly maxArtifactBytes: number;
  readonly maxMethodNameBytes: number;
  readonly maxModuleBytes: number;
  readonly maxHostCalls: number;
  /** Bytes that cross between guest and host in one run. */
  readonly maxHostBytes: number;
  /** The last resort only: not deterministic. */
  readonly maxWallMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: VmLimits = {
  maxGas: 1_000_000_000n,
  maxMemoryPages: 1024,
  maxStackBytes: 200 * KIB,
  maxRegisters: 100,
  maxRegisterBytes: 100 * MIB,
  maxRegistersBytes: 1024 * MIB,
  maxLogs: 1024,
  maxLogBytes: 16 * KIB,
  maxEvents: 100,
  maxEventKindBytes: 100,
  maxEventDataBytes: 16 * KIB,
  maxHandlerNameBytes: 256,
  maxXCalls: 8,
  maxXCallFunctionBytes: 100,
  maxXCallParamsBytes: 16 * KIB,
  maxStorageKeyBytes: MIB,
  maxStorageValueBytes: 10 * MIB,
  maxStorageWrites: 100_000,
  maxStorageWriteBytes: 128 * MIB,
  maxBlobHandles: 100,
  maxBlobChunkBytes: 10 * MIB,
  maxBlobBytes: 512 * MIB,
  maxIndexScanRows: 100_000,
  maxReturnBytes: 16 * MIB,
  maxArtifactBytes: 16 * MIB,
  maxMethodNameBytes: 256,
  maxModuleBytes: 20 * MIB,
  maxHostCalls: 1_000_000,
  maxHostBytes: 6720 * MIB,
  maxWallMs: 30_000,
};
