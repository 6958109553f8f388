/** Commands that go on: events, logs, watching a processor; how they end, and what a closed pipe does. */
import { spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../support/clock.ts";
import { event, processor } from "../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type Call, type RegistryServer } from "../../support/registry-server.ts";
import { MAIN, openShell, type Running, type Shell } from "./shoal.ts";

let server: RegistryServer;
let shell: Shell;
let streams: Call["response"][];
const send = (n: number): void => {
  for (const stream of streams) stream.write(`id: ${n}\ndata: ${JSON.stringify(event(n))}\n\n`);
};

beforeEach(async () => {
  streams = [];
  server = await startRegistryServer({
    "events.list": ({ query, headers, response }) => {
      if (headers.accept !== "text/event-stream")
        return { items: [], next_cursor: query["after"] === "now" ? "40" : "0" };
      streams.push(response.writeHead(200, { "content-type": "text/event-stream" }));
      return response.write(": hello\n\n");
    },
  });
  shell = await openShell({ SHOAL_URL: server.url, SHOAL_TOKEN: TOKEN });
});
afterEach(async () => {
  await shell.leave();
  await server.stop();
});

const connected = (): Promise<true> => eventually(() => streams.length > 0 || undefined, "a stream");
const says = (running: Running, text: string): Promise<true> =>
  eventually(() => running.written().out.includes(text) || undefined, text);

describe("events --follow", () => {
  test("shows what happens from now on, and ends well on Ctrl-C", async () => {
    const running = shell.start("events", "--follow", "--kind", "processor.*");
    await connected();
    expect(server.calls.at(-1)).toMatchObject({
      query: { after: "40", kind: "processor.*" },
      headers: { "last-event-id": "40" },
    });
    send(41);
    await says(running, "event 41");
    running.process.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 0, err: "" });
  });

  test("writes a line of JSON for each, and goes on after a cut", async () => {
    const running = shell.start("events", "-f", "-o", "json");
    await connected();
    send(41);
    await says(running, "event 41");
    for (const stream of streams.splice(0)) stream.destroy();
    await connected();
    expect(server.calls.at(-1)?.headers["last-event-id"]).toBe("41");
    send(42);
    await says(running, "event 42");
    running.process.kill("SIGTERM");
    const lines = (await running.ended).out.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { cursor: string }).cursor)).toEqual(["41", "42"]);
  });
});

test("watching a processor shows each change once, and ends when it is gone", async () => {
  let now = processor();
  server.handlers["processors.get"] = () => now;
  const running = shell.start("processors", "watch", "meter");
  await connected();
  await says(running, "Placed=False NoCapacity: no host has 4 cores");
  send(41);
  now = processor({ status: "running", stage: "running", host_name: "host-1" });
  send(42);
  await says(running, "on host-1");
  now = processor({ status: "terminated", stage: "gone", host_name: "host-1" });
  send(43);
  const ended = await running.ended;
  expect(ended).toMatchObject({ code: 0, err: "" });
  const seen = ended.out.split("\n").map((line) => line.replace(/^[\d:]{8} +/, ""));
  expect(seen).toEqual([
    "pending (place), generation 1",
    "Accepted=True Valid",
    "Placed=False NoCapacity: no host has 4 cores",
    "running (running), generation 1",
    "on host-1",
    "terminated (gone), generation 1",
    "",
  ]);
});

test("a followed log comes as it is written, and one that is cut off says so", async () => {
  let response: Call["response"] | undefined;
  server.handlers["processors.logs"] = (call) => {
    response = call.response.writeHead(200);
    response.write("one\n");
  };
  const running = shell.start("processors", "logs", "meter", "--follow");
  await says(running, "one\n");
  response?.write("two\n");
  await says(running, "two\n");
  response?.destroy();
  expect(await running.ended).toMatchObject({ code: 7, err: expect.stringContaining("the log was cut off") });
});

test("a reader that has seen enough is no failure", async () => {
  server.handlers["processors.logs"] = () => "a line of the log\n".repeat(200_000);
  const line = `"${process.execPath}" "$0" processors logs meter | head -1; echo "\${PIPESTATUS[0]}"`;
  const child = spawn("bash", ["-c", line, MAIN], { env: shell.env, cwd: shell.folder });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  expect([out, err]).toEqual(["a line of the log\n0\n", ""]);
});
