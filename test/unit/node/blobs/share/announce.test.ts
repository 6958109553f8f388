import { BlobHandles } from "@shoal/node/runtime/run/blob-handles.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { bytesOf } from "@shoal/node/model/ids.ts";
import { expect, test } from "vitest";
import { systemClock } from "../../../../support/clock.ts";
import { temporaryDirectory } from "../../storage/directory.ts";
import { openBlobs, pieces } from "../open-blobs.ts";
import { CONTEXT, newKey } from "./mesh.ts";

test("a method announces a blob that was uploaded: from its rows on, members of its context may have it", async () => {
  const { blobs, store, directory } = await openBlobs(temporaryDirectory());
  const { blobId } = await blobs.add(pieces(Buffer.from("hello")));
  const here = bytesOf(CONTEXT);
  const handles = new BlobHandles({ directory, clock: systemClock }, store, DEFAULT_LIMITS, here);
  expect(handles.announce(bytesOf(blobId), bytesOf(newKey()))).toBe(false);
  expect(handles.announce(bytesOf(newKey()), here)).toBe(false);
  expect(handles.changed).toBe(false);
  expect(handles.announce(bytesOf(blobId), here)).toBe(true);
  expect(handles.changed).toBe(true);
  expect(blobs.isShared(blobId, CONTEXT)).toBe(false);
  await store.apply(handles.rows());
  expect(blobs.isShared(blobId, CONTEXT)).toBe(true);
  await store.close();
});
