/** `node emulator/src/cluster/images/main.ts <folder>`: builds the image into the local store and prints its reference. */
import { join } from "node:path";
import { buildImage } from "./build.ts";

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write("usage: node emulator/src/cluster/images/main.ts <folder>  (store: $CLUSTER_DATA_DIR/images)\n");
  process.exitCode = 2;
} else {
  const dataDir = process.env["CLUSTER_DATA_DIR"] ?? join(".shoal", "cluster");
  process.stdout.write(`${await buildImage(join(dataDir, "images"), folder)}\n`);
}
