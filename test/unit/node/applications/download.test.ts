import { createHash } from "node:crypto";
import type { RequestListener } from "node:http";
import { base58 } from "@scure/base";
import { BUNDLE_LIMITS } from "@shoal/node/applications/bundle/limits.ts";
import { REDIRECTS_MAX } from "@shoal/node/applications/download.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import {
  bundleOf,
  manifestFor,
  moduleNamed,
  newSigner,
  openApplications,
  type OpenApplications,
  serve,
  signed,
} from "./fixtures.ts";

const input = { metadata: new Uint8Array() };
const LIMIT = 200_000;

let open: OpenApplications;
let archive: Buffer;
let site: Awaited<ReturnType<typeof serve>>;
const never = new Set<() => void>();

/** What the server does, by path. */
const pages: Readonly<Record<string, RequestListener>> = {
  "/notes.mpk": (_, answer) => answer.end(archive),
  "/moved": (_, answer) => answer.writeHead(302, { location: "/notes.mpk" }).end(),
  "/loop": (_, answer) => answer.writeHead(307, { location: "/loop" }).end(),
  "/to-file": (_, answer) => answer.writeHead(301, { location: "file:///etc/passwd" }).end(),
  "/to-nowhere": (_, answer) => answer.writeHead(301, { location: "http://" }).end(),
  "/gone": (_, answer) => answer.writeHead(410).end("gone"),
  "/broken": (_, answer) => answer.writeHead(503).end(),
  "/announced": (_, answer) => answer.writeHead(200, { "content-length": LIMIT + 1 }).end(Buffer.alloc(LIMIT + 1)),
  "/endless": (_, answer) => {
    const more = (): void => {
      while (answer.write(Buffer.alloc(50_000))) continue;
      answer.once("drain", more);
    };
    answer.on("error", () => undefined);
    more();
  },
  "/cut": (_, answer) => {
    answer.writeHead(200, { "content-length": archive.length });
    answer.write(archive.subarray(0, 100), () => answer.destroy());
  },
  "/html": (_, answer) => answer.end("<!doctype html>"),
  "/silent": (_, answer) => void never.add(() => answer.destroy()),
  "/slow": (_, answer) => {
    answer.write(archive.subarray(0, 100));
    never.add(() => answer.destroy());
  },
};

beforeAll(async () => {
  const wasm = await moduleNamed("get");
  archive = await bundleOf(signed(manifestFor(wasm), newSigner()), { "app.wasm": wasm });
  open = await openApplications(temporaryDirectory(), { limits: { ...BUNDLE_LIMITS, archiveBytes: LIMIT } });
  site = await serve((request, answer) => {
    const page = pages[request.url ?? ""];
    if (page === undefined) answer.writeHead(404).end();
    else page(request, answer);
  });
});
afterAll(async () => {
  for (const end of never) end();
  await site.stop();
  await open.store.close();
});

describe("an installation from a URL", () => {
  test("gets what is there, through a redirect too, and remembers where", async () => {
    const id = await open.applications.installFromUrl(`${site.url}/notes.mpk`, undefined, input);
    expect((await open.applications.get(id))?.source).toBe(`${site.url}/notes.mpk`);
    expect(await open.applications.installFromUrl(`${site.url}/moved`, undefined, input)).toBe(id);
  });

  test("checks the hash that was expected", async () => {
    const hash = createHash("sha256").update(archive).digest();
    for (const expected of [hash.toString("hex"), base58.encode(hash)]) {
      await open.applications.installFromUrl(`${site.url}/notes.mpk`, expected, input);
    }
    const wrong = open.applications.installFromUrl(`${site.url}/notes.mpk`, "0".repeat(64), input);
    await expect(wrong).rejects.toMatchObject({ code: "invalid_argument", field: "hash" });
  });

  test.each([
    ["/none", "invalid_argument", /status 404/],
    ["/gone", "invalid_argument", /status 410/],
    ["/broken", "unavailable", /status 503/],
    ["/loop", "invalid_argument", new RegExp(`more than ${REDIRECTS_MAX} redirects`)],
    ["/to-file", "invalid_argument", /file: is not http/],
    ["/to-nowhere", "invalid_argument", /not a URL/],
    ["/announced", "payload_too_large", /more than 200000 bytes/],
    ["/endless", "payload_too_large", /at most 200000 bytes/],
    ["/cut", "unavailable", /broke off/],
    ["/html", "invalid_argument", /UnknownFormat/],
  ])("refuses %s as %s", async (path, code, message) => {
    const before = (await open.blobs.list()).length;
    const failure = open.applications.installFromUrl(site.url + path, undefined, input);
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    if (path !== "/html") expect(await open.blobs.list()).toHaveLength(before);
  });

  test.each([
    ["file:///etc/passwd"],
    ["ftp://127.0.0.1/app"],
    ["data:application/wasm;base64,AGFzbQ"],
    ["not a url"],
    ["http://user:password@127.0.0.1/"],
  ])("refuses the URL %s", async (url) => {
    await expect(open.applications.installFromUrl(url, undefined, input)).rejects.toMatchObject({
      code: "invalid_argument",
      field: "url",
    });
  });

  test("says where nobody answers", async () => {
    const closed = await serve(() => undefined);
    await closed.stop();
    await expect(open.applications.installFromUrl(`${closed.url}/x`, undefined, input)).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  test.each(["/silent", "/slow"])("ends in time where the server is %s", async (path) => {
    const hurried = await openApplications(temporaryDirectory(), { installMaxMs: 300 });
    await expect(hurried.applications.installFromUrl(site.url + path, undefined, input)).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
    expect(await hurried.blobs.list()).toEqual([]);
    await hurried.store.close();
  });
});
