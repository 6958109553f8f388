/**
 * The page of a node in a browser tab (`../browser`), served to anybody, like the sign-in page: it holds nothing of this node's
 * but the addresses at which tabs reach it. Files whose names carry the hash of their content are kept by browsers for good.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NetworkClient } from "../clients/network-client.ts";

export interface TabInit {
  /** Of the built page; without it, beside the bundle or the sources. */
  readonly folder?: string;
  readonly network: Pick<NetworkClient, "status">;
}

/** Answers for a file of the page; `gzip`: whether the client takes it packed. */
export type Tab = (file: string, gzip: boolean) => Promise<Response>;

/** Where `npm run bundle:node` and `npm run bundle:browser` put it. */
const FOLDERS = [join(import.meta.dirname, "tab"), join(import.meta.dirname, "../../dist/tab")];

const INDEX = "index.html";
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.(html|css|js|txt)$/;
const HASHED = /-[A-Z0-9]{8}\./;

/** Its own code, its own compiled guests, peers by WebSocket, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src data:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function createTab({ folder, network }: TabInit): Tab {
  const folders = folder === undefined ? FOLDERS : [folder];
  return async (file, gzip) => {
    if (file === "peers.json") return peersOf(await network.status());
    const name = file === "" ? INDEX : file;
    const type = TYPES[NAME.exec(name)?.[1] ?? ""];
    if (type === undefined) return plain("there is no such file");
    const packed = gzip ? await found(folders, `${name}.gz`) : undefined;
    const content = packed ?? (await found(folders, name));
    if (content === undefined) return plain(name === INDEX ? NOT_BUILT : "there is no such file");
    return new Response(content, {
      headers: {
        "content-type": type,
        "content-security-policy": POLICY,
        "cache-control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
        vary: "accept-encoding",
        ...(packed === undefined ? {} : { "content-encoding": "gzip" }),
      },
    });
  };
}

const NOT_BUILT = "The page of a node in a browser is not built here. Build it with: npm run bundle:browser";

const plain = (text: string): Response =>
  new Response(`${text}\n`, { status: 404, headers: { "content-type": TYPES["txt"] ?? "" } });

/** A page can dial WebSockets only. */
function peersOf({ listening }: { readonly listening: readonly string[] }): Response {
  const peers = listening.filter((address) => /\/wss?(\/|$)/.test(address));
  return Response.json({ peers }, { headers: { "cache-control": "no-cache" } });
}

async function found(folders: readonly string[], name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const folder of folders) {
    try {
      return Uint8Array.from(await readFile(join(folder, name)));
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}
