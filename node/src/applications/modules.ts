/** Modules as blobs: the bytes of the author, and what workers run. */
import { createHash } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { BlobStore } from "../blobs/blobs.ts";
import type { ApplicationModule } from "../model/application.ts";
import type { BlobId } from "../model/ids.ts";
import type { PreparedModule, PrepareOptions } from "../runtime/module/prepare.ts";
import type { BundleModule } from "./bundle/read.ts";
import { prepareInThread } from "./prepare-thread.ts";

export interface ModuleParts {
  readonly blobs: BlobStore;
  readonly options: PrepareOptions;
  readonly entry: URL | undefined;
}

/** Stores and prepares one module; `pins` keep its blobs until the caller refers to them. Throws `ModuleError`. */
export async function storeModule(
  { service, wasm, abi }: BundleModule,
  { blobs, options, entry }: ModuleParts,
  pins: DisposableStack,
  signal: AbortSignal,
): Promise<ApplicationModule> {
  const prepared = await prepareInThread({ bytes: wasm, options }, signal, entry);
  const bytecode = pins.use(await blobs.addPinned(piecesOf(wasm), { rows: () => [] }));
  const runs = pins.use(await blobs.addPinned(piecesOf(prepared.bytes), { rows: () => [] }));
  return moduleOf({ service, bytecode: bytecode.blobId, prepared: runs.blobId, wasm, described: prepared, abi });
}

interface Described {
  readonly service: string;
  readonly bytecode: BlobId;
  readonly prepared: BlobId;
  readonly wasm: Uint8Array;
  readonly described: PreparedModule;
  readonly abi: string | undefined;
}

function moduleOf({ service, bytecode, prepared, wasm, described, abi }: Described): ApplicationModule {
  const text = described.abi ?? abi;
  return {
    service,
    bytecode,
    prepared,
    hash: createHash("sha256").update(wasm).digest("hex"),
    methods: described.methods,
    readOnly: described.readOnly,
    ...(text === undefined ? {} : { abi: text }),
    generation: described.generation,
    profile: described.profile,
  };
}

/** A module's blob as a whole; throws `internal` where it is gone. */
export async function readModule(blobs: BlobStore, id: BlobId): Promise<Uint8Array> {
  const content = blobs.read(id);
  if (content === undefined) throw new ShoalError("internal", `blob ${id} of an installed application is gone`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
