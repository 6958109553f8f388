/**
 * Watches: what happened since a version, then what happens, one JSON line each. An object that comes to be selected is
 * ADDED and one that ceases to be is DELETED, whatever happened to it. A version that is no longer kept ends the stream with
 * an ERROR of 410 under HTTP 200, as the real one does.
 */
import type { ServerResponse } from "node:http";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { milliseconds, minutes, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Matches } from "../selectors.ts";
import { invalid, tooOld } from "../status.ts";
import type { Change, Stored } from "../store.ts";
import { rowsOf, tableOf } from "../tables/table.ts";
import { formOf, type Form } from "./accept.ts";
import { flag, wholeNumber, type Api, type Call } from "./call.ts";
import { metadataText, revisionOf, selection, type Collection } from "./list.ts";

const BOOKMARK_EVERY = seconds(60);
const SHORTEST_DEFAULT = minutes(30);

/** What a reader that has stopped reading may leave unsent before it is cut. */
const MOST_UNSENT_BYTES = 64 * 1024 ** 2;

type EventType = "ADDED" | "MODIFIED" | "DELETED";

export function watchCollection(api: Api, collection: Collection, call: Call, response: ServerResponse): undefined {
  const { kind } = collection;
  if (call.query.has("sendInitialEvents")) {
    const message = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
    throw invalid({ group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" }, "", [
      { reason: "FieldValueForbidden", message, field: "sendInitialEvents" },
    ]);
  }
  const matches = selection(collection, call.query);
  const lasts = wholeNumber(call.query, "timeoutSeconds") ?? 0;
  const from = revisionOf(call.query.get("resourceVersion") ?? "");
  const write = writerFor(api, collection, call, formOf(call.request));
  const failure = api.faults.watchFailure();
  if (failure === "http") throw tooOld(from, api.store.revision);
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
  // Otherwise the caller hears nothing, not even that it watches, until something happens.
  response.flushHeaders();
  const missed = from === 0 ? [] : api.store.since(kind.plural, from);
  if (failure === "stream" || "oldest" in missed) {
    const oldest = "oldest" in missed ? missed.oldest : api.store.revision;
    response.end(`${JSON.stringify({ type: "ERROR", object: tooOld(from, oldest).status })}\n`);
    return;
  }
  const send = (type: EventType, stored: Stored): void => {
    // Between its end and its close a change may still come.
    if (response.writableEnded || response.destroyed) return;
    response.write(write(type, stored));
    if (response.writableLength > MOST_UNSENT_BYTES) response.destroy();
  };
  if (from === 0) {
    for (const one of api.store.list(kind.plural)) if (matches(one.object)) send("ADDED", one);
  }
  const pass = (change: Change): void => {
    if (change.revision > from) passOn(change, matches, send);
  };
  for (const change of missed) pass(change);
  const leave = api.store.listen(kind.plural, pass);
  const forget = api.faults.watching(kind.plural, response);
  const timers = new AbortController();
  // Of the response: the request is closed as soon as its empty body has been read.
  response.once("close", () => {
    leave();
    forget();
    timers.abort();
  });
  const span = lasts === 0 ? milliseconds(SHORTEST_DEFAULT * (1 + Math.random())) : seconds(lasts);
  const mark = flag(call.query, "allowWatchBookmarks") ? () => response.write(bookmark(api, collection)) : undefined;
  keepTime(api.clock, span, timers.signal, mark).then(
    (over) => over && response.end(),
    (thrown: unknown) => {
      api.log.error({ error: messageOf(thrown) }, "a watch lost its clock");
      response.destroy();
    },
  );
}

function passOn(change: Change, matches: Matches, send: (type: EventType, stored: Stored) => void): void {
  const was = change.before !== undefined && matches(change.before.object);
  if (change.type === "DELETED") {
    if (was) send("DELETED", change.now);
    return;
  }
  const is = matches(change.now.object);
  if (is) send(was ? "MODIFIED" : "ADDED", change.now);
  else if (was && change.before !== undefined) send("DELETED", renumbered(change.before, change.revision));
}

/** The last state that was selected, under the version of the change that took it out. */
function renumbered(stored: Stored, revision: number): Stored {
  const { metadata } = stored.object;
  const object = { ...stored.object, metadata: { ...metadata, resourceVersion: String(revision) } };
  return { object, text: JSON.stringify(object), revision };
}

type Writer = (type: EventType, stored: Stored) => string;

function writerFor(api: Api, { kind }: Collection, call: Call, form: Form): Writer {
  if (form === "object") return (type, stored) => `{"type":"${type}","object":${stored.text}}\n`;
  if (form === "metadata") return (type, stored) => `{"type":"${type}","object":${metadataText(stored)}}\n`;
  let first = true;
  const include = call.query.get("includeObject");
  return (type, stored) => {
    const table = tableOf(kind, [stored.object], api.clock.now(), include);
    const object = first
      ? { ...table, metadata: { resourceVersion: String(stored.revision) } }
      : { ...table, columnDefinitions: null, rows: rowsOf(kind, [stored.object], api.clock.now(), include) };
    first = false;
    return `${JSON.stringify({ type, object })}\n`;
  };
}

function bookmark(api: Api, { kind }: Collection): string {
  const metadata = { resourceVersion: String(api.store.revision), creationTimestamp: null };
  return `${JSON.stringify({ type: "BOOKMARK", object: { kind: kind.kind, apiVersion: kind.apiVersion, metadata } })}\n`;
}

/** Bookmarks until the watch has lasted long enough; false where the reader left before. */
async function keepTime(clock: Clock, span: DurationMs, signal: AbortSignal, mark?: () => void): Promise<boolean> {
  const end = clock.monotonic() + span;
  try {
    for (let left = span; left > 0; left = milliseconds(end - clock.monotonic())) {
      await clock.sleep(mark === undefined ? left : milliseconds(Math.min(left, BOOKMARK_EVERY)), signal);
      mark?.();
    }
    return true;
  } catch (thrown) {
    if (signal.aborted) return false;
    throw thrown;
  }
}
