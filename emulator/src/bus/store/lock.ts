/**
 * One broker per folder. The lock is a listening socket, because the system takes it away with the process, also after
 * kill -9, and a process number may belong to somebody else by then.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** Throws `conflict` while another broker uses the folder. */
export async function lockFolder(folder: string): Promise<{ release(): void }> {
  mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32);
  // Socket paths have about 100 characters at most, so the folder's own path may be too long to hold it.
  const path = join(tmpdir(), `shoal-bus-${name}.sock`);
  if (await answers(path))
    throw new ShoalError("conflict", `another broker already uses ${folder}: stop it, or name another folder`, {
      field: "dataDir",
    });
  rmSync(path, { force: true });
  const server: Server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, "listening");
  server.unref();
  return { release: () => void server.close() };
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
