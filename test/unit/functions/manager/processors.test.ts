import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { DIGEST, makeProcessor, makeTemplate, world, type Caller, type World } from "./harness.ts";

let w: World;
let me: Caller;

beforeAll(async () => {
  w = await world({
    logs: async (_namespace, pod) =>
      (async function* () {
        if (pod === "young-1") throw new ShoalError("not_found", "container is creating");
        if (pod === "cut-1") throw new ShoalError("permission_denied", "the cluster's own affair");
        yield `hello from ${pod}`;
        yield "bye";
      })(),
  });
  me = await w.key(await w.organisation("acme"));
  await makeTemplate(me);
});
afterAll(() => w.close());

describe("a processor", () => {
  it("is an intent, an operation, an audit entry, an event and a knock, all or none", async () => {
    const before = w.wakes.count;
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const answer = await me.call(
      "POST",
      "/processors",
      { name: "whole", template: "meter" },
      { traceparent: `00-${trace}-b7ad6b7169203331-01` },
    );
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({
      operation: { kind: "processor.create", state: "pending", generation: 1, trace_id: trace },
      processor: { name: "whole", status: "pending", stage: "accept", generation: 1, template: "meter" },
    });
    expect(answer.headers.get("etag")).toBe('"1"');
    const { id } = answer.json["processor"] as { id: string };
    const { rows } = await w.db.sql.query(
      `select (select count(*)::int from audit_log where resource_id = $1) as audits,
        (select trace_id from events where resource_id = $1) as event_trace,
        (select trace_id from tasks where key = $1) as task_trace`,
      [id],
    );
    expect(rows).toEqual([{ audits: 1, event_trace: trace, task_trace: trace }]);
    expect(w.wakes.count).toBeGreaterThan(before);
    const refused = await me.call("POST", "/processors", { name: "whole", template: "meter" });
    expect({ status: refused.status, ...refused.json }).toMatchObject({
      status: 409,
      error: { code: "already_exists", field: "name" },
    });
  });

  it("is found by id and by name, with its generation as ETag", async () => {
    const { processor } = await makeProcessor(me, "by-name");
    for (const key of [processor.id, "by-name"]) {
      const answer = await me.call("GET", `/processors/${key}`);
      expect(answer.json).toMatchObject({ id: processor.id });
      expect(answer.headers.get("etag")).toBe('"1"');
    }
  });

  it("refuses what it names and does not exist, and a limit below its request, with the field", async () => {
    const cases: [object, number, string][] = [
      [{ template: "nothing" }, 400, "template"],
      [{ cluster: "nowhere" }, 400, "cluster"],
      [{ sensor_id: "sns-1" }, 400, "sensor_id"],
      [{ config: { resources: { cpu_limit: "100m" } } }, 400, "config.resources.cpu_limit"],
      [{ config: { resources: { cpu_limit: "lots" } } }, 400, "config.resources.cpu_limit"],
      [{ config: { surprise: 1 } }, 400, "config.surprise"],
      [{ nane: 1 }, 400, "nane"],
      [{ name: "UPPER" }, 400, "name"],
    ];
    for (const [change, status, field] of cases) {
      const answer = await me.call("POST", "/processors", { name: "refused", template: "meter", ...change });
      expect({ status: answer.status, error: answer.json["error"] }).toMatchObject({ status, error: { field } });
    }
  });

  it("asks for more than any host has without being refused here: placement says so", async () => {
    const config = { resources: { cpu_request: "900", cpu_limit: "900" } };
    expect((await makeProcessor(me, "giant", { config })).operation.state).toBe("pending");
  });
});

describe("a change", () => {
  it("needs If-Match, and the generation that was read", async () => {
    await makeProcessor(me, "matched");
    const patch = { config: { env_vars: { A: "1" } } };
    const statuses: number[] = [];
    for (const match of [undefined, '"7"', 'W/"1"', "1", '"1"', '"1"', '"9", "2"', "*"]) {
      const headers = match === undefined ? {} : { "if-match": match };
      statuses.push((await me.call("PATCH", "/processors/matched", patch, headers)).status);
    }
    expect(statuses).toEqual([428, 412, 412, 400, 202, 412, 202, 202]);
  });

  it("merges: null removes, what is not named stays, and the merged whole is checked", async () => {
    const config = { env_vars: { A: "1", B: "2" }, resources: { cpu_request: "250m" } };
    await makeProcessor(me, "merged", { config });
    const any = { "if-match": "*" };
    const answer = await me.call("PATCH", "/processors/merged", { config: { env_vars: { A: null, C: "3" } } }, any);
    expect(answer.json["processor"]).toMatchObject({
      generation: 2,
      config: { env_vars: { B: "2", C: "3" }, resources: { cpu_request: "250m" } },
    });
    const refused = await me.call("PATCH", "/processors/merged", { config: { resources: { cpu_request: "64" } } }, any);
    expect({ status: refused.status, ...refused.json }).toMatchObject({
      status: 400,
      error: { field: "config.resources.cpu_limit" },
    });
    const unknown = await me.call("PATCH", "/processors/merged", { config: { env_vars: { PROCESSOR_ID: "x" } } }, any);
    expect(unknown.json["error"]).toMatchObject({ code: "invalid_argument", field: "config.env_vars.PROCESSOR_ID" });
  });

  it("lets one of two renamers have the name", async () => {
    await Promise.all([makeProcessor(me, "left"), makeProcessor(me, "right")]);
    const answers = await Promise.all(
      ["left", "right"].map((name) => me.call("PATCH", `/processors/${name}`, { name: "wanted" }, { "if-match": "*" })),
    );
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([202, 409]);
  });

  it("restarts by a new generation", async () => {
    await makeProcessor(me, "restarted");
    const answer = await me.call("POST", "/processors/restarted/restart");
    expect(answer.json).toMatchObject({
      operation: { kind: "processor.restart", generation: 2 },
      processor: { generation: 2 },
    });
  });
});

describe("deletion", () => {
  it("works from every stage, and again gives the same operation", async () => {
    const { processor } = await makeProcessor(me, "doomed");
    const stages = ["accept", "place", "create", "ready", "running", "stop", "delete", "failed", "gone"];
    for (const stage of stages) {
      const terminated = stage === "gone" ? "now()" : "null";
      await w.db.sql.query(
        `update processors set stage = $1, deletion_requested_at = null, terminated_at = ${terminated} where id = $2`,
        [stage, processor.id],
      );
      const first = await me.call("DELETE", `/processors/${processor.id}`);
      const second = await me.call("DELETE", `/processors/${processor.id}`);
      expect({ stage, status: first.status }).toEqual({ stage, status: 202 });
      expect(second.json["operation"]).toEqual(first.json["operation"]);
    }
    expect((await me.call("POST", `/processors/${processor.id}/restart`)).status).toBe(409);
    expect((await me.call("PATCH", `/processors/${processor.id}`, {}, { "if-match": "*" })).status).toBe(409);
  });

  it("ends the wishes that it makes pointless", async () => {
    const { operation } = await makeProcessor(me, "withdrawn");
    await me.call("DELETE", "/processors/withdrawn");
    expect((await me.call("GET", `/operations/${operation.id}`)).json).toMatchObject({ state: "cancelled" });
  });

  it("frees the name once the processor is gone", async () => {
    const { processor } = await makeProcessor(me, "reborn");
    await w.db.sql.query("update processors set terminated_at = now(), stage = 'gone' where id = $1", [processor.id]);
    expect((await makeProcessor(me, "reborn")).processor.id).not.toBe(processor.id);
    const { json } = await me.call("GET", "/processors?status=terminated&name_prefix=reborn");
    expect(json["items"]).toMatchObject([{ id: processor.id, status: "terminated" }]);
  });
});

describe("logs", () => {
  it("are text, line by line, of the processor's pod; without a pod there are none", async () => {
    const { processor } = await makeProcessor(me, "talks");
    expect((await me.call("GET", "/processors/talks/logs")).status).toBe(409);
    await w.db.sql.query("update processors set pod_name = 'talks-1' where id = $1", [processor.id]);
    const answer = await me.call("GET", "/processors/talks/logs?follow=true&tail=5");
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.text).toBe("hello from talks-1\nbye\n");
    const told: number[] = [];
    for (const pod of ["young-1", "cut-1"]) {
      await w.db.sql.query("update processors set pod_name = $2 where id = $1", [processor.id, pod]);
      told.push((await me.call("GET", "/processors/talks/logs?follow=true")).status);
    }
    expect(told).toEqual([409, 503]);
  });
});

describe("versions", () => {
  const version = (name: string, more: object = {}) => ({
    version: name,
    image_uri: "registry.example.test/v",
    digest: DIGEST,
    ...more,
  });

  it("the first is active by itself; another becomes so when asked, and its processors change", async () => {
    await me.call("POST", "/processor-templates", { slug: "versioned" });
    const none = await me.call("POST", "/processors", { name: "early", template: "versioned" });
    expect({ status: none.status, ...none.json }).toMatchObject({ status: 409, error: { field: "template" } });
    const path = "/processor-templates/versioned/versions";
    expect((await me.call("POST", path, version("1"))).json).toMatchObject({ is_active: true });
    expect((await me.call("POST", path, version("2"))).json).toMatchObject({ is_active: false });
    expect((await me.call("POST", path, version("2"))).status).toBe(409);
    const made = await me.call("POST", "/processors", { name: "follower", template: "versioned" });
    const activated = await me.call("POST", `${path}/2/activate`);
    expect(activated.json).toMatchObject({ processors_changed: 1, version: { version: "2", is_active: true } });
    const { id } = made.json["processor"] as { id: string };
    expect((await me.call("GET", `/processors/${id}`)).json).toMatchObject({ generation: 2 });
    expect((await me.call("POST", `${path}/2/activate`)).json).toMatchObject({ processors_changed: 0 });
    expect((await me.call("DELETE", "/processor-templates/versioned")).status).toBe(409);
  });

  it("refuses a configuration that no pod could have, with its field", async () => {
    await me.call("POST", "/processor-templates", { slug: "strict" });
    const cases: [object, string][] = [
      [{ resources: { cpu_request: "3", cpu_limit: "2" } }, "runtime_config_template.resources.cpu_limit"],
      [{ resources: { cpu_reqest: "3" } }, "runtime_config_template.resources.cpu_reqest"],
      [{ container: { port: 0 } }, "runtime_config_template.container.port"],
      [{ env_vars: { "NO-GOOD": "1" } }, "runtime_config_template.env_vars.NO-GOOD"],
    ];
    for (const [config, field] of cases) {
      const answer = await me.call(
        "POST",
        "/processor-templates/strict/versions",
        version("1", { runtime_config_template: config }),
      );
      expect({ status: answer.status, error: answer.json["error"] }).toMatchObject({ status: 400, error: { field } });
    }
  });

  it("refuses to activate what an existing processor's own settings contradict", async () => {
    await makeTemplate(me, "tight", { resources: { cpu_request: "100m", cpu_limit: "200m" } });
    await me.call("POST", "/processors", {
      name: "tightest",
      template: "tight",
      config: { resources: { cpu_limit: "150m" } },
    });
    const config = { resources: { cpu_request: "1", cpu_limit: "2" } };
    await me.call("POST", "/processor-templates/tight/versions", version("2", { runtime_config_template: config }));
    const answer = await me.call("POST", "/processor-templates/tight/versions/2/activate");
    expect({ status: answer.status, message: answer.text }).toMatchObject({
      status: 409,
      message: expect.stringContaining("tightest") as string,
    });
  });
});
