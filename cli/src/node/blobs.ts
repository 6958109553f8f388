/** `shoal blob`: content that a node holds. */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { Command } from "commander";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { details, table, type Column } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { fileContent } from "./input.ts";
import { actOnNode, endpointCommand, nodeFlags } from "./session.ts";

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
    .option("--hash <base58>", "refuse anything but this content")
    .description("Stores a file")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const content = await fileContent(argument(args, 0), "file");
        const blob = await node.upload(content, { hash: text(options, "hash"), signal });
        output.result(blob, blob.blobId, () => `${blob.blobId} (${blob.size} bytes)`);
      }),
    );
  group
    .command("download")
    .argument("<blob>")
    .option("--to <file>", "a new file; without it, standard output")
    .description("Fetches content")
    .addHelpText("after", "\nExample: shoal blob download 8aVz... --to picture.png")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args, options) => {
        const id = argument(args, 0);
        const file = text(options, "to");
        const content = Readable.fromWeb((await node.download(id, signal)) as NodeStream);
        if (file === undefined) return pipeline(content, process.stdout, { end: false });
        await save(content, file);
        output.result({ blobId: id, file }, file, () => `${id} is in ${file}`);
      }),
    );
  endpointCommand(group, runtime, "list", "blobs.list", async ({ node, output, signal }) => {
    const { blobs } = (await node.call("blobs.list", { signal })).data;
    output.result(blobs, blobs.map(({ blobId }) => blobId).join("\n"), (now) => table(blobs, COLUMNS, now));
  });
  group
    .command("info")
    .argument("<blob>")
    .description("A blob's size")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const info = await node.blobInfo(argument(args, 0), signal);
        output.result(info, info.blobId, (now) => details({ id: info.blobId, bytes: info.size }, now));
      }),
    );
  endpointCommand(group, runtime, "delete <blob>", "blobs.delete", async ({ node, output, signal }, args) => {
    const id = argument(args, 0);
    const answer = await node.call("blobs.delete", { params: { id }, signal });
    output.result(answer, id, () => `${id} is deleted`);
  });
}

/** What exists is not replaced, and half a file is not left behind. */
async function save(content: Readable, file: string): Promise<void> {
  const target = createWriteStream(file, { flags: "wx" });
  let isOurs = false;
  target.once("open", () => (isOurs = true));
  try {
    await pipeline(content, target);
  } catch (cause) {
    if (isOurs) {
      await rm(file, { force: true });
      throw new ShoalError("unavailable", `the download ended early: ${messageOf(cause)}`, { cause });
    }
    throw new ShoalError("invalid_argument", `${file} cannot be written: ${messageOf(cause)}`, { field: "to", cause });
  }
}
