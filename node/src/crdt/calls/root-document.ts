/** The root of apps that keep it as one document. The later write wins. */
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { ROOT_DOCUMENT, ROOT_DOCUMENT_ID } from "../kinds.ts";
import type { State } from "../state.ts";

export function persistRootState(state: State, document: Uint8Array, createdAt: bigint): void {
  const { context } = state.env;
  const stamp = state.stamp();
  const before = state.entity(context, ROOT_DOCUMENT_ID);
  state.write(context, ROOT_DOCUMENT_ID, {
    createdAt: before?.write.createdAt ?? (createdAt < stamp ? createdAt : stamp),
    updatedAt: stamp,
    deleted: false,
    data: new BorshWriter().u8(ROOT_DOCUMENT).bytes(document).done(),
  });
}

export function readRootState(state: State): Uint8Array | undefined {
  const entity = state.entity(state.env.context, ROOT_DOCUMENT_ID);
  return entity === undefined ? undefined : new BorshReader(entity.write.data.subarray(1)).bytes();
}
