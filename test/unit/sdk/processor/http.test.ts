/** What a processor serves, asked of real processes. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { endChildren, FIXTURE, startChild, TOKEN, type Child } from "./support/child.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-processor-"));
});
afterEach(async () => {
  endChildren();
  await rm(folder, { recursive: true, force: true });
});

const start = (env: Readonly<Record<string, string>> = {}): Promise<Child> =>
  startChild(FIXTURE, { DORY_STATE_BACKEND: "local", DORY_STATE_PVC_MOUNT: folder, ...env });
const started = async (env: Readonly<Record<string, string>> = {}): Promise<Child> => {
  const child = await start(env);
  await child.ready();
  return child;
};
const post = (body: string): RequestInit => ({ method: "POST", body });
const bodyOf = async (answer: Response): Promise<Record<string, unknown>> =>
  (await answer.json()) as Record<string, unknown>;
const digestOf = (text: string): string => `sha-256=:${createHash("sha256").update(text).digest("base64")}:`;

describe("probes", () => {
  test("liveness answers while the start goes on, readiness only after it", async () => {
    const child = await start({ WISHES: "slow-start" });
    const health = await eventually(() => child.call("/health"), "listening");
    expect(health.status).toBe(200);
    expect(health.headers.get("x-dory-sdk-version")).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await child.call("/ready")).status).toBe(503);
    expect((await child.call("/value")).status).toBe(503);
    const early = await child.state();
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
    await child.ready();
    expect((await child.call("/healthz")).headers.has("x-dory-sdk-version")).toBe(true);
    expect(await bodyOf(await child.call("/"))).toMatchObject({ state: "RUNNING", processor_id: "prc-test" });
    expect(await (await child.call("/metrics")).text()).toContain("shoal_processor_ready 1");
  });

  test("at the paths that the pod was given as well", async () => {
    const child = await started({ DORY_HEALTH_PATH: "/livez", DORY_READY_PATH: "/readyz" });
    expect((await child.call("/livez")).status).toBe(200);
    expect((await child.call("/readyz")).status).toBe(200);
  });

  test("a failed check fails liveness, or costs the caches where the processor can live with it", async () => {
    const [frail, tough] = await Promise.all([
      started({ DORY_HEALTH_CHECK_INTERVAL_SEC: "0.1" }),
      started({ DORY_HEALTH_CHECK_INTERVAL_SEC: "0.1", WISHES: "tough", DORY_PROCESSOR_ID: "prc-tough" }),
    ]);
    await Promise.all([frail.call("/sicken", post("")), tough.call("/sicken", post(""))]);
    await eventually(async () => ((await frail.call("/health")).status === 503 ? true : undefined), "sick");
    await eventually(() => (tough.log().includes("caches are reset") ? true : undefined), "a soft reset");
    expect((await tough.call("/health")).status).toBe(200);
  });

  test("a start that takes too long fails the process", async () => {
    const child = await start({ WISHES: "endless-start", DORY_STARTUP_TIMEOUT_SEC: "1" });
    expect(await child.exit).toBe(1);
    expect(child.log()).toContain("startup took more than 1 s");
  });
});

describe("the state", () => {
  test("goes from one processor to the next byte for byte, and says so by digest", async () => {
    const [old, next] = await Promise.all([started(), started({ DORY_PROCESSOR_ID: "prc-next", DORY_EPOCH: "1" })]);
    await old.call("/value", { method: "PUT", body: 'something with "quotes", ü and __proto__' });
    const captured = await old.state();
    const text = await captured.text();
    expect(captured.headers.get("content-digest")).toBe(digestOf(text));
    const given = await next.state({ ...post(text), headers: { "content-digest": digestOf(text) } });
    expect([given.status, (await bodyOf(given))["digest"]]).toEqual([200, digestOf(text)]);
    const before = JSON.parse(text) as Record<string, unknown>;
    const after = await bodyOf(await next.state());
    expect(after).toMatchObject({ digest: before["digest"], data: before["data"], epoch: 1 });
    expect(Number(after["sequence"])).toBeGreaterThan(Number(before["sequence"]));
  });

  test("is data itself where there is no data member, as in Dory", async () => {
    const child = await started();
    expect((await child.state(post('{"value":"bare","__proto__":{"x":1}}'))).status).toBe(200);
    expect(JSON.stringify((await bodyOf(await child.state()))["data"])).toBe('{"value":"bare","__proto__":{"x":1}}');
  });

  test("is for those who have the token", async () => {
    const child = await started();
    for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: TOKEN }]) {
      const answer = await child.call("/state", { headers });
      expect(answer.status).toBe(401);
      expect(await bodyOf(answer)).toMatchObject({ error: { code: "unauthenticated" } });
    }
    expect((await child.call("/state", post("{}"))).status).toBe(401);
  });

  test("is open without a token, which the log says", async () => {
    const child = await started({ DORY_STATE_TOKEN: "" });
    expect((await child.call("/state")).status).toBe(200);
    expect(child.log()).toContain("DORY_STATE_TOKEN is not set");
  });

  test("is refused where it is none", async () => {
    const child = await started();
    const refusals: readonly (readonly [string, string])[] = [
      ["{", "malformed_json"],
      ["[]", "invalid_argument"],
      ["null", "invalid_argument"],
      ['"text"', "invalid_argument"],
      ['{"error":"getState failed"}', "invalid_argument"],
      ['{"data":[1]}', "invalid_argument"],
      ['{"data":{},"epoch":-1}', "invalid_argument"],
      ['{"data":{},"state_version":"2.0"}', "invalid_argument"],
      [`{"data":{},"digest":"${"0".repeat(64)}"}`, "invalid_argument"],
    ];
    for (const [body, code] of refusals) {
      const answer = await child.state(post(body));
      expect([body, answer.status, await bodyOf(answer)]).toEqual([
        body,
        400,
        expect.objectContaining({ error: expect.objectContaining({ code }) as unknown }),
      ]);
    }
    const wrong = await child.state({ ...post("{}"), headers: { "content-digest": "sha-256=:AAAA:" } });
    expect(wrong.status).toBe(400);
    expect((await child.state(post('{"data":{},"epoch":7}'))).status).toBe(409);
    const put = await child.state({ method: "PUT", body: "{}" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
    expect(await bodyOf(await child.call("/value"))).toMatchObject({ value: "beginning" });
  });

  test("above the limit is refused with an answer, whether its length was announced or not", async () => {
    const child = await started({ DORY_STATE_MAX_SIZE_BYTES: "2048" });
    expect((await child.state(post(`{"value":"${"x".repeat(4096)}"}`))).status).toBe(413);
    const answer = await rawChunked(child, 64 * 1024);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("payload_too_large");
    await child.call("/value", { method: "PUT", body: "y".repeat(4096) });
    const grown = await child.state();
    expect([grown.status, JSON.stringify(await bodyOf(grown))]).toEqual([
      500,
      expect.stringContaining("2048 is the limit"),
    ]);
  });

  test("that cannot be had is an error, never a success", async () => {
    const child = await started();
    await child.call("/value", { method: "PUT", body: "unspeakable" });
    const answer = await child.state();
    expect([answer.status, await bodyOf(answer)]).toEqual([
      500,
      { error: { code: "internal", message: "cannot say" } },
    ]);
    const poison = await child.state(post('{"value":"poison"}'));
    expect(poison.status).toBe(400);
  });

  test("is given so often and no oftener", async () => {
    const child = await started();
    const answers = await Promise.all(Array.from({ length: 300 }, () => child.call("/state")));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get("retry-after")).toBe("1");
    expect(answers.filter((answer) => answer.status === 401).length).toBeGreaterThanOrEqual(100);
    expect((await child.call("/health")).status).toBe(200);
  });
});

/** A body in chunks whose length nobody knows before; more than the limit, and the client writes on regardless. */
function rawChunked(child: Child, bytes: number): Promise<string> {
  const { hostname, port } = new URL(child.url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /state HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      for (let sent = 0; sent < bytes; sent += 1024) socket.write(`400\r\n${"x".repeat(1024)}\r\n`);
    });
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
