/**
 * Modules on the host's collections: their deltas are merged without starting a guest, since what the guest would do with one is to
 * hand it to the same collections. All deltas of a request share one view, so a tree node is read once.
 */
import { createCollections } from "../../crdt/collections.ts";
import { CollectionError } from "../../crdt/error.ts";
import { verify } from "../../model/keys.ts";
import type { Reader } from "../../storage/store.ts";
import type { MergeRequest } from "../contract.ts";
import { Chance } from "./chance.ts";
import type { Merging } from "./merge.ts";
import { Overlay } from "./overlay.ts";

export function hostMerge(request: MergeRequest, reader: Reader): Merging {
  const { context, executor } = request;
  const state = new Overlay("state", reader, context, undefined);
  const chance = new Chance(request);
  const collections = createCollections({
    rows: state.rowsView(),
    context,
    executor,
    now: () => chance.now(),
    random: (bytes) => chance.bytes(bytes),
    verify: (publicKey, signature, message) => verify(signature, message, publicKey),
  });
  return {
    merge({ artifact, ...window }) {
      try {
        collections.applyDelta(artifact, window);
      } catch (thrown) {
        if (thrown instanceof CollectionError && thrown.code !== "internal")
          return { refused: thrown.message, forged: true };
        throw thrown;
      }
      return { root: collections.flush()?.rootHash };
    },
    rows: () => state.rows(),
  };
}
