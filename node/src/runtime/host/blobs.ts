/** Blobs as streams: made piece by piece, read piece by piece, known by the hash of their content. */
import type { RunState } from "../run/run-state.ts";
import { HostTrap, invalidAccess } from "../run/trap.ts";
import type { HostFunctions } from "./host-functions.ts";

const ID_BYTES = 32;

export const blobFunctions = {
  blob_create: (run: RunState): bigint => run.blobs.create(),

  blob_write(run: RunState, fd: bigint, data: bigint): bigint {
    const span = run.memory.span(data);
    const max = run.limits.maxBlobChunkBytes;
    if (span.length > max) {
      throw new HostTrap("BlobWriteTooLarge", `blob write too large (size: ${span.length}, max: ${max})`);
    }
    run.blobs.write(fd, run.memory.borrow(span));
    return BigInt(span.length);
  },

  /** The place for the id is looked at first: a wrong one must not cost the blob. */
  blob_close(run: RunState, fd: bigint, target: bigint): number {
    const span = run.memory.span(target);
    if (span.length !== ID_BYTES) throw invalidAccess();
    const place = run.memory.writable(span);
    place.set(run.blobs.close(fd));
    return 1;
  },

  blob_open(run: RunState, blob: bigint): bigint {
    return run.blobs.open(run.memory.copyExactly(run.memory.span(blob), ID_BYTES));
  },

  blob_read(run: RunState, fd: bigint, target: bigint): bigint {
    const span = run.memory.span(target);
    const max = run.limits.maxBlobChunkBytes;
    if (span.length > max) {
      throw new HostTrap("BlobBufferTooLarge", `blob buffer too large (size: ${span.length}, max: ${max})`);
    }
    return BigInt(run.blobs.read(fd, run.memory.writable(span)));
  },

  /** Lets members of the run's own context have a blob that this node holds: 1 where it does, 0 for any other context. */
  blob_announce_to_context(run: RunState, blob: bigint, context: bigint): number {
    const id = run.memory.copyExactly(run.memory.span(blob), ID_BYTES);
    const where = run.memory.copyExactly(run.memory.span(context), ID_BYTES);
    return run.blobs.announce(id, where) ? 1 : 0;
  },
} satisfies HostFunctions;
