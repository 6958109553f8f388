/** An application as it lies in the store: one row per application and version, JSON, so that the store can be read by eye. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { z } from "zod";
import type { Application, ApplicationModule } from "../model/application.ts";
import type { ApplicationId, BlobId } from "../model/ids.ts";

/** An installed version, and which instrumenter made its prepared modules. */
export interface Installed {
  readonly application: Application;
  readonly instrumenter: number;
}

const Module = z.object({
  service: z.string(),
  bytecode: z.string(),
  prepared: z.string(),
  hash: z.string(),
  methods: z.array(z.string()),
  readOnly: z.array(z.string()),
  abi: z.string().optional(),
  generation: z.enum(["G1", "G2", "G3"]),
  profile: z.enum(["rust", "js"]),
});

const Record = z.object({
  id: z.string(),
  blob: z.string(),
  size: z.int(),
  source: z.string(),
  metadata: z.base64(),
  package: z.string(),
  version: z.string(),
  signerId: z.string().optional(),
  modules: z.array(Module),
  installedAtMs: z.number(),
  instrumenter: z.int(),
});

export function encodeRecord({ application, instrumenter }: Installed): Uint8Array {
  const metadata = Buffer.from(application.metadata).toString("base64");
  return new TextEncoder().encode(JSON.stringify({ ...application, metadata, instrumenter }));
}

/** Throws `internal` where the row is not what `encodeRecord` makes. */
export function decodeRecord(bytes: Uint8Array): Installed {
  let record;
  try {
    record = Record.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ShoalError("internal", "an application's row is damaged", { cause });
  }
  const { id, blob, metadata, modules, signerId, instrumenter, ...plain } = record;
  const application: Application = {
    ...plain,
    id: id as ApplicationId,
    blob: blob as BlobId,
    metadata: new Uint8Array(Buffer.from(metadata, "base64")),
    modules: modules.map(moduleOf),
    ...(signerId === undefined ? {} : { signerId }),
  };
  return { application, instrumenter };
}

function moduleOf({ bytecode, prepared, abi, ...plain }: z.infer<typeof Module>): ApplicationModule {
  return {
    ...plain,
    bytecode: bytecode as BlobId,
    prepared: prepared as BlobId,
    ...(abi === undefined ? {} : { abi }),
  };
}
