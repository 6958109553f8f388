/** An installed application: a module (or several, by service) with its package, version and signer. */
import type { ApplicationId, BlobId } from "./ids.ts";

/** One WASM module of an application. */
export interface ApplicationModule {
  /** `default` for an application of one module. */
  readonly service: string;
  /** The module as its author built it. */
  readonly bytecode: BlobId;
  /** The same after validation and metering; what workers run. Made at install, made again when the instrumenter changes. */
  readonly prepared: BlobId;
  /** SHA-256 of the bytecode, lower-case hex. */
  readonly hash: string;
  /** Exported methods, sorted. */
  readonly methods: readonly string[];
  /** Methods that the ABI section marks as read-only. */
  readonly readOnly: readonly string[];
  /** JSON text of the `calimero_abi_v1` section or of the bundle's abi file. */
  readonly abi?: string;
  /** Which host the module was built for, found from its imports. */
  readonly generation: "G1" | "G2" | "G3";
  /** The CRDT logic is the host's (`js_*` imports) or the guest's. */
  readonly profile: "rust" | "js";
}

export interface Application {
  readonly id: ApplicationId;
  /** The blob that was installed: raw module or bundle archive. */
  readonly blob: BlobId;
  readonly size: number;
  /** Where it came from: a URL, `file://` path, `upload`, or `peers` for a bundle that members of a group gave. */
  readonly source: string;
  readonly metadata: Uint8Array;
  readonly package: string;
  readonly version: string;
  /** `did:key:…` of the bundle's signer; absent for raw modules. */
  readonly signerId?: string;
  readonly modules: readonly ApplicationModule[];
  readonly installedAtMs: number;
}
