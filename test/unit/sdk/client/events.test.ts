/** The event feed and the log over real connections that are cut on purpose. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClient, type Client } from "@shoal/client/index.ts";
import { STREAM_LIMITS } from "@shoal/client/events.ts";
import { readMessages } from "@shoal/client/sse.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { eventually } from "../../../support/clock.ts";
import { event } from "../../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type Call, type RegistryServer } from "../../../support/registry-server.ts";

let server: RegistryServer;
let client: Client;
/** Pauses between tries do not wait; the silence limit waits for good. */
const clock: Clock = {
  ...systemClock,
  sleep: (span, signal) => (span < 20_000 ? Promise.resolve() : systemClock.sleep(span, signal)),
};

beforeEach(async () => {
  server = await startRegistryServer({});
  client = createClient({ baseUrl: server.url, token: TOKEN, clock });
});
afterEach(() => server.stop());

const text = (n: number): string => `id: ${n}\nevent: processor.placed\ndata: ${JSON.stringify(event(n))}\n\n`;
const start = (call: Call): Call["response"] => call.response.writeHead(200, { "content-type": "text/event-stream" });

/** A feed of `last` events whose connection is cut in the middle of each third one. */
function cutting(last: number): (call: Call) => void {
  return (call) => {
    const response = start(call);
    const from = Number(call.headers["last-event-id"] ?? 0) + 1;
    for (let n = from; n <= last; n++) {
      if (n === from + 2) {
        response.write(text(n).slice(0, -15), () => response.destroy());
        return;
      }
      response.write(`: still here\n\n${text(n)}`);
    }
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function take(count: number, events: AsyncIterable<{ readonly cursor: string }>): Promise<string[]> {
  const cursors: string[] = [];
  for await (const { cursor } of events) if (cursors.push(cursor) === count) break;
  return cursors;
}

describe("the event stream", () => {
  test("goes on where it was cut: nothing is missing, nothing comes twice", async () => {
    server.handlers["events.list"] = cutting(9);
    expect(await take(9, client.events({ query: { kind: "processor.*" } }))).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
      "8",
      "9",
    ]);
    expect(server.calls.length).toBeGreaterThan(3);
    expect(server.calls.every((call) => call.query["kind"] === "processor.*")).toBe(true);
    expect(server.calls[1]?.headers["accept"]).toBe("text/event-stream");
  });

  test("from now on stays at the same now when its first connection is cut", async () => {
    server.handlers["events.list"] = (call) => {
      if (call.query["after"] === "now") return { items: [], next_cursor: "41" };
      if (server.calls.length === 2) return call.response.destroy();
      start(call).write(text(Number(call.headers["last-event-id"]) + 1));
      return undefined;
    };
    expect(await take(1, client.events({ query: { after: "now" } }))).toEqual(["42"]);
  });

  test("ends with its signal", async () => {
    const stop = new AbortController();
    server.handlers["events.list"] = (call) => void start(call).write(text(1));
    const cursors: string[] = [];
    for await (const { cursor } of client.events({ signal: stop.signal })) {
      cursors.push(cursor);
      stop.abort();
    }
    expect(cursors).toEqual(["1"]);
  });

  test("throws what is refused for good, and gives up on what never works", async () => {
    server.handlers["events.list"] = () => {
      throw new ShoalError("invalid_argument", "the cursor is too old", { field: "after" });
    };
    await expect(take(1, client.events({ query: { after: "1" } }))).rejects.toMatchObject({ field: "after" });
    expect(server.calls).toHaveLength(1);
    server.handlers["events.list"] = (call) => {
      const response = start(call);
      response.write(": hello\n\n", () => response.destroy());
    };
    await expect(take(1, client.events())).rejects.toMatchObject({ code: "unavailable" });
  });

  test("takes a connection that has fallen silent for a cut one", async () => {
    let [now, wake] = [0, (): void => undefined];
    const sleep: Clock["sleep"] = (span) =>
      span < 20_000 ? Promise.resolve() : new Promise((resolve) => (wake = resolve));
    const watching = createClient({
      baseUrl: server.url,
      token: TOKEN,
      clock: { ...systemClock, monotonic: () => now, sleep },
    });
    server.handlers["events.list"] = (call) =>
      void start(call).write(server.calls.length === 1 ? ": hello\n\n" : text(1));
    const taken = take(1, watching.events());
    const reopen = (): true | undefined => {
      now += STREAM_LIMITS.silence;
      wake();
      return server.calls.length > 1 ? true : undefined;
    };
    await eventually(reopen, "a second connection");
    expect(await taken).toEqual(["1"]);
  });
});

describe("messages", () => {
  const read = async (...chunks: string[]): Promise<unknown[]> => {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield new TextEncoder().encode(chunk);
    };
    return collect(readMessages(bytes(), () => undefined));
  };

  test("are read whatever the chunks", async () => {
    const stream = "id: 1\r\ndata: a\r\ndata: b\r\n\r\n: note\n\ndata:c\n\nid: 3\n\ndata: cut off\n";
    const expected = [
      { id: "1", data: "a\nb" },
      { id: "1", data: "c" },
      { id: "3", data: "" },
    ];
    expect(await read(stream)).toEqual(expected);
    expect(await read(...stream.split(""))).toEqual(expected);
  });

  test("of endless length are refused", async () => {
    await expect(read(...Array.from({ length: 3 }, () => "x".repeat(400_000)))).rejects.toThrow("too long");
  });
});

describe("a log", () => {
  const lines = (): Promise<string[]> => collect(client.logs({ params: { id: "meter" }, query: { follow: true } }));

  test("comes line by line, the last one also without its end", async () => {
    server.handlers["processors.logs"] = (call) => {
      call.response.writeHead(200).write("one\ntw");
      setImmediate(() => call.response.end("o\n\nlast"));
    };
    expect(await lines()).toEqual(["one", "two", "", "last"]);
    expect(server.calls[0]?.query).toMatchObject({ follow: true });
  });

  test("that is cut off says so", async () => {
    server.handlers["processors.logs"] = (call) => {
      call.response.writeHead(200).write("one\n", () => call.response.destroy());
    };
    await expect(lines()).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("cut off") });
  });
});
