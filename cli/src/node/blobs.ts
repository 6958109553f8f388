/** `shoal blob`: content that a node holds. */
import { createReadStream, createWriteStream } from "node:fs";
import { access } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { table, type Column } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { actOnNode, nodeFlags } from "./session.ts";

interface BlobRow {
  readonly blobId: string;
  readonly size: number;
}

const COLUMNS: readonly Column<BlobRow>[] = [
  { title: "id", cell: (blob) => blob.blobId },
  { title: "bytes", cell: (blob) => blob.size },
];

export function addBlobs(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("blob").description("content that a node holds"));
  group
    .command("upload")
    .argument("<file>")
    .description("Stores a file")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const file = argument(args, 0);
        await access(file).catch((cause: unknown) => {
          throw new ShoalError("invalid_argument", `${file} cannot be read`, { field: "file", cause });
        });
        const blob = await node.upload(Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>, signal);
        output.result(blob, blob.blobId, () => `${blob.blobId} (${blob.size} bytes)`);
      }),
    );
  group
    .command("download")
    .argument("<blob>")
    .option("--to <file>", "where to; without it, standard output")
    .description("Fetches content")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const id = argument(args, 0);
        const content = Readable.fromWeb((await node.download(id, signal)) as NodeStream);
        const file = text(options, "to");
        if (file === undefined) return pipeline(content, process.stdout, { end: false });
        await pipeline(content, createWriteStream(file, { flags: "wx" }));
        output.result({ blobId: id, file }, file, () => `${id} is in ${file}`);
      }),
    );
  group
    .command("list")
    .description("Blobs of the node")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { blobs } = (await node.call("blobs.list", { signal })).data;
        output.result(blobs, blobs.map(({ blobId }) => blobId).join("\n"), (now) => table(blobs, COLUMNS, now));
      }),
    );
  group
    .command("delete")
    .argument("<blob>")
    .description("Forgets an upload")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const id = argument(args, 0);
        const answer = await node.call("blobs.delete", { params: { id }, signal });
        output.result(answer, id, () => (answer.deleted ? `${id} is deleted` : `${id} was not here`));
      }),
    );
}
