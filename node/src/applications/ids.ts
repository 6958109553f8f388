/** Ids of applications. A bundle keeps its id over all its versions; a raw module is its content, with where it came from. */
import { type ApplicationId, type BlobId, bytesOf, idOf } from "../model/ids.ts";
import { BorshWriter } from "../model/borsh.ts";
import { sha256 } from "../model/sha256.ts";

interface RawModule {
  readonly bytecode: BlobId;
  readonly size: number;
  readonly source: string;
  readonly metadata: Uint8Array;
}

export function rawApplicationId({ bytecode, size, source, metadata }: RawModule): ApplicationId {
  const borsh = new BorshWriter().fixed(bytesOf(bytecode)).u64(BigInt(size)).string(source).bytes(metadata);
  return idOf(sha256(borsh.done()));
}

/** An unsigned bundle has an empty signer. */
export function bundleApplicationId(packageName: string, signerId: string | undefined): ApplicationId {
  return idOf(
    sha256(
      new BorshWriter()
        .string(packageName)
        .string(signerId ?? "")
        .done(),
    ),
  );
}
