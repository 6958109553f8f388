import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manager } from "@shoal/functions/manager/manager.ts";
import { readMessages } from "@shoal/client/sse.ts";
import { eventually } from "../../../support/clock.ts";
import { makeProcessor, makeTemplate, request, send, world, type Caller, type World } from "./harness.ts";

let w: World;
let me: Caller;
beforeAll(async () => {
  w = await world();
  me = await w.key(await w.organisation("acme"));
  await makeTemplate(me);
});
afterAll(() => w.close());

interface Heard {
  readonly cursors: string[];
  readonly names: string[];
  last: string;
  readonly stop: () => void;
}

/** Follows the feed, as a browser would, until it is stopped. */
async function follow(manager: Manager, query: string, lastEventId?: string): Promise<Heard> {
  const abort = new AbortController();
  const headers = {
    accept: "text/event-stream",
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  };
  const response = await manager.fetch(request(me.token, "GET", `/events?${query}`, undefined, headers, abort.signal));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const heard: Heard = { cursors: [], names: [], last: lastEventId ?? "", stop: () => abort.abort() };
  const read = async (): Promise<void> => {
    if (response.body === null) return;
    for await (const message of readMessages(response.body, () => undefined)) {
      heard.last = message.id ?? heard.last;
      if (message.data === "") continue;
      const event = JSON.parse(message.data) as { cursor: string; message: string };
      heard.cursors.push(event.cursor);
      heard.names.push(event.message);
    }
  };
  read().catch(() => undefined);
  return heard;
}

const make = async (prefix: string, n: number): Promise<void> => {
  await Promise.all(Array.from({ length: n }, (_, i) => makeProcessor(me, `${prefix}-${i}`)));
};

describe("the event feed", () => {
  it("is paged without a gap or a repetition while events come", async () => {
    await make("paged", 10);
    const cursors: string[] = [];
    let after = "";
    const writing = make("paged-too", 10);
    const end = async (): Promise<boolean> => {
      const { json } = await me.call(
        "GET",
        `/events?limit=3&kind=processor.created${after === "" ? "" : `&after=${after}`}`,
      );
      const items = json["items"] as { cursor: string }[];
      cursors.push(...items.map((item) => item.cursor));
      after = json["next_cursor"] as string;
      return cursors.length >= 20;
    };
    await eventually(async () => ((await end()) ? true : undefined), "all twenty are read");
    await writing;
    expect(new Set(cursors).size).toBe(20);
    expect((await me.call("GET", "/events?after=nonsense")).json["error"]).toMatchObject({
      code: "invalid_argument",
      field: "after",
    });
  });

  it.each([
    ["alone", "from the database"],
    ["beside", "from the window that another follower keeps"],
  ])("resumes a stream that was cut again and again, %s, %s, without a gap or a repetition", async (mark) => {
    const companion = mark === "beside" ? await follow(w.manager, "after=now") : undefined;
    const all: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 6; i++) await make(`cut-${mark}-${i}`, 4);
    })();
    let last: string | undefined;
    await eventually(async () => {
      const heard = await follow(
        w.manager,
        last === undefined ? "after=0.0&kind=processor.created" : "kind=processor.created",
        last,
      );
      const before = heard.cursors.length;
      await eventually(
        () => (heard.cursors.length > before || heard.last !== (last ?? "") ? true : undefined),
        "something is heard",
      );
      heard.stop();
      const names = heard.names.filter((name) => name.startsWith(`cut-${mark}-`));
      all.push(...names);
      last = heard.last;
      return all.length >= 24 ? true : undefined;
    }, "all are heard");
    await writing;
    expect(all.length).toBe(24);
    expect(new Set(all).size).toBe(24);
    companion?.stop();
  });

  it("tells of what another instance wrote, filtered, and `now` skips the past", async () => {
    const other = w.instance();
    const heard = await follow(w.manager, "after=now&kind=processor.*");
    const { json } = await send(other, me.token, "POST", "/processors", { name: "elsewhere", template: "meter" });
    expect(json).toMatchObject({ operation: { state: "pending" } });
    await eventually(() => (heard.names.length > 0 ? true : undefined), "it is heard");
    expect(heard.names).toEqual(["elsewhere was asked for"]);
    heard.stop();
  });

  it("costs one look for all streams, and none without", async () => {
    const database = w.db.open();
    let looks = 0;
    const counting = {
      ...database,
      asAccounts: ((work, how) => {
        looks += 1;
        return database.asAccounts(work, how);
      }) as typeof database.asAccounts,
    };
    const waits: number[] = [];
    const manager = w.instance({ database: counting });
    await send(manager, me.token, "GET", "/processors");
    await eventually(() => (looks > 0 ? true : undefined), "the credential was looked up");
    const without = looks;
    const streams = await Promise.all(Array.from({ length: 20 }, () => follow(manager, "after=now")));
    await eventually(() => (looks > without ? true : undefined), "the pulse looks");
    waits.push(looks - without);
    await makeProcessor(me, "counted");
    await eventually(() => (streams.every((stream) => stream.names.length === 1) ? true : undefined), "all hear it");
    // Twenty streams that each looked by themselves would need twenty for a single round.
    expect(waits[0]).toBeLessThan(20);
    for (const stream of streams) stream.stop();
  });

  it("bounds the streams of an organisation, and gives a place back when a client goes", async () => {
    const manager = w.instance({ limits: { streamsPerOrganisation: 2 } });
    const [first, second] = [await follow(manager, "after=now"), await follow(manager, "after=now")];
    const refused = await send(manager, me.token, "GET", "/events", undefined, { accept: "text/event-stream" });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("5");
    first.stop();
    (await follow(manager, "after=now")).stop();
    second.stop();
  });

  it("ends a stream whose credential was revoked, and gives signs of life until then", async () => {
    const manager = w.instance({ limits: { heartbeatMs: 50, credentialCacheMs: 50 } });
    const key = await w.key(me.organisationId);
    const response = await manager.fetch(
      request(key.token, "GET", "/events?after=now", undefined, { accept: "text/event-stream" }),
    );
    const reader = response.body?.getReader();
    let text = "";
    while (!text.includes(": alive")) text += new TextDecoder().decode((await reader?.read())?.value);
    await w.db.sql.query("update api_keys set revoked_at = now() where organisation_id = $1 and name = 'test'", [
      me.organisationId,
    ]);
    for (let ended = false; !ended;) ended = (await reader?.read())?.done === true;
    await w.db.sql.query("update api_keys set revoked_at = null where organisation_id = $1", [me.organisationId]);
  });
});

describe("waiting for an operation", () => {
  it("is answered as soon as it has ended, whichever process ended it", async () => {
    const { operation } = await makeProcessor(me, "awaited");
    const waiting = me.call("GET", `/operations/${operation.id}?wait=60s`);
    const worker = w.db.open();
    await worker.asWorker((tx) =>
      tx
        .updateTable("operations")
        .set({ state: "succeeded", done_at: new Date() })
        .where("id", "=", operation.id)
        .execute(),
    );
    expect((await waiting).json).toMatchObject({ state: "succeeded" });
  });

  it("ends with the time that was given, or with the client", async () => {
    const { operation } = await makeProcessor(me, "slow");
    expect((await me.call("GET", `/operations/${operation.id}?wait=1s`)).json).toMatchObject({ state: "pending" });
    const abort = new AbortController();
    const gone = w.manager.fetch(
      request(me.token, "GET", `/operations/${operation.id}?wait=60s`, undefined, {}, abort.signal),
    );
    abort.abort();
    expect((await gone).status).toBe(499);
    expect((await me.call("GET", `/operations/${operation.id}?wait=61s`)).status).toBe(400);
  });

  it("cancels a creation that is not placed yet, and refuses later", async () => {
    const { operation, processor } = await makeProcessor(me, "regretted");
    const path = `/operations/${operation.id}/cancel`;
    expect((await me.call("POST", path)).json).toMatchObject({ state: "cancelled" });
    expect((await me.call("POST", path)).status).toBe(202);
    expect((await me.call("GET", `/processors/${processor.id}`)).json["deletion_requested_at"]).not.toBeNull();
    const placed = await makeProcessor(me, "placed");
    await w.db.sql.query("update processors set stage = 'ready' where id = $1", [placed.processor.id]);
    expect((await me.call("POST", `/operations/${placed.operation.id}/cancel`)).status).toBe(409);
  });
});
