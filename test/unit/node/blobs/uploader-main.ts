/** A process that uploads blobs of seeded content until it is killed, and says each id once it is acknowledged. */
import { seeded } from "@shoal/shared/base/random.ts";
import { openBlobs, pieces } from "./open-blobs.ts";

const [, , path = "", from = "0"] = process.argv;
const { blobs } = await openBlobs(path);
const common = Buffer.alloc(1024 * 1024, 5);
for (let number = Number(from); ; number++) {
  const own = Buffer.from(seeded(number).bytes(200_000));
  const { blobId, size } = await blobs.add(pieces(own.subarray(0, 100), common, own));
  process.stdout.write(`${number} ${blobId} ${size}\n`);
}
