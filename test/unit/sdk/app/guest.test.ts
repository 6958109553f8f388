import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "./built.ts";
import { GUEST } from "./guest-source.ts";
import { type CallFailed, openNode, type Replica, replicasOn, type TestNode } from "./replica.ts";

let wasm: Uint8Array;
let nodes: readonly TestNode[];
let guest: Replica;
let other: Replica;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "shoal-app-"));
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "src/app.ts"), GUEST);
  await writeFile(join(folder, "app.json"), '{"package":"org.example.guest","version":"1.0.0","name":"Guest"}');
  wasm = await built(folder, "guest");
  await rm(folder, { recursive: true });
  nodes = await Promise.all([openNode(1), openNode(2)]);
  [guest, other] = (await replicasOn(nodes, wasm)) as [Replica, Replica];
  await other.receive((await guest.call("init")).artifact);
});
afterAll(() => Promise.all(nodes.map((node) => node.close())));

describe("values travel as JSON", () => {
  test.each([
    ["bool", true],
    ["u8", 255],
    ["i8", -128],
    ["u32", 4_294_967_295],
    ["i64", -9_007_199_254_740_991],
    ["u64", 9_007_199_254_740_991],
    ["f64", -1.25e-7],
    ["f64", 12],
    ["f32", 0.5],
    ["string", 'quote " back \\ slash / line \n tab \t bell \u0007 nul \u0000 ä € 🐟 \u2028'],
    ["string", ""],
    ["nullable", null],
    ["nullable", "x"],
    ["bytes", [0, 127, 255]],
    ["list", [[1, -2], [], [3]]],
    ["dictionary", { a: 1, "ä b": -2 }],
    [
      "shape",
      {
        name: "line",
        corners: [
          { label: null, weight: 2.5, x: 1, y: -1 },
          { label: "end", weight: 1.5, x: 0, y: 0 },
        ],
        tags: { thin: true },
      },
    ],
  ])("%s %j", async (method, value) => {
    expect(await guest.value(method, { value })).toEqual(value);
  });

  test("with the whole range of 64 bits, although JSON readers may round it", async () => {
    const { returns } = { returns: await guest.call("i64", '{"value":-9223372036854775808}') };
    expect(returns.value).toBe(Number(-(2n ** 63n)));
    expect(await guest.value("u64", '{"value":18446744073709551615}')).toBe(Number(2n ** 64n - 1n));
    expect(await guest.errorOf("u64", '{"value":18446744073709551616}')).toMatchObject({ field: "value" });
    expect(await guest.errorOf("i64", '{"value":9223372036854775808}')).toMatchObject({ field: "value" });
  });

  test("written in any way that JSON allows", async () => {
    const text = ' {\n\t"value" : "\\u00e4\\ud83d\\udc1f\\/\\b\\f" } ';
    expect(await guest.value("string", text)).toBe("ä🐟/\b\f");
    expect(await guest.value("string", '{"v\\u0061lue":"x"}')).toBe("x");
    expect(await guest.value("shape", '{"value":{"tags":{},"corners":[{"y":2,"x":1}],"name":"dot"}}')).toEqual({
      name: "dot",
      corners: [{ label: null, weight: 1.5, x: 1, y: 2 }],
      tags: {},
    });
  });

  test("with defaults, nulls and no arguments at all", async () => {
    expect(await guest.value("fallback")).toBe(7);
    expect(await guest.value("fallback", { value: 8 })).toBe(8);
    expect(await guest.value("scoped")).toBe(11);
    expect(await guest.value("shape", { value: { name: "x" } })).toEqual({ name: "x", corners: [], tags: {} });
    expect(await guest.value("nullable", "")).toBeNull();
    expect((await guest.call("nothing", "")).value).toBeUndefined();
  });
});

describe("whatever is sent", () => {
  test("comes back as it was", async () => {
    const record = fc.record({
      name: fc.string({ unit: "grapheme" }),
      weight: fc.double({ noNaN: true, noDefaultInfinity: true }),
    });
    await fc.assert(
      fc.asyncProperty(record, fc.dictionary(fc.string({ unit: "grapheme" }), fc.boolean()), async (sent, tags) => {
        const value = { name: sent.name, corners: [{ label: null, weight: sent.weight, x: 0, y: -1 }], tags };
        const text = JSON.stringify({ value }, undefined, sent.name.length % 3);
        // JSON has no negative zero, and an object's `__proto__` is no member once it is read.
        const expected = JSON.parse(JSON.stringify(value)) as object;
        expect(await guest.value("shape", text)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    "9007199254740993",
    "9007199254740992.999999999999999999999999",
    "9007199254740993.00000000000000000000001",
    "-8.239834761327124e+38",
    "2.2250738585072011e-308",
    "2.2250738585072014e-308",
    "4.9e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "123456789012345678901234567890e-40",
    "0.1e1",
    "0",
    "1e-999",
    "0e999",
    `0.${"0".repeat(300)}17`,
    "9".repeat(300),
  ])("as a float, %s is what every reader of JSON takes it for", async (text) => {
    expect(await guest.value("f64", `{"value":${text}}`)).toBe(Number(text));
  });

  test("never ends in a trap", async () => {
    const valid = '{"value":{"name":"a\\u00e9b","corners":[{"x":1,"y":-2,"label":null}],"tags":{"t":true}}}';
    const edit = fc.record({
      at: fc.nat(valid.length),
      cut: fc.nat(4),
      put: fc.string({ unit: "binary", maxLength: 3 }),
    });
    const edited = fc
      .array(edit, { minLength: 1, maxLength: 3 })
      .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), valid));
    await fc.assert(
      fc.asyncProperty(edited, async (text) => {
        let read: unknown;
        try {
          read = JSON.parse(text);
        } catch {
          expect(await guest.errorOf("shape", text)).toMatchObject({ code: "invalid_argument" });
          return;
        }
        const ended = await guest.call("shape", text).then(
          ({ value }) => value,
          (thrown: unknown) => (thrown as CallFailed).error,
        );
        expect(ended, JSON.stringify(read)).toBeDefined();
      }),
      { numRuns: 400 },
    );
  });
});

describe("an argument that does not fit is named", () => {
  test.each([
    ["bool", '{"value":1}', "value: expected true or false", "value"],
    ["u8", '{"value":256}', "value: expected a whole number in the range of its type", "value"],
    ["u8", '{"value":-1}', "value: expected a whole number", "value"],
    ["i8", '{"value":-129}', "value: expected a whole number in the range of its type", "value"],
    ["i64", '{"value":1.5}', "value: expected a whole number", "value"],
    ["i64", '{"value":"1"}', "value: expected a whole number", "value"],
    ["f64", '{"value":"1"}', "value: expected a number", "value"],
    ["f64", '{"value":1e999}', "value: expected a number", "value"],
    ["f64", '{"value":.5}', "value: expected a number", "value"],
    ["f64", `{"value":${"1".repeat(401)}}`, "value: expected a number", "value"],
    ["f64", '{"value":1e}', "value: expected a number", "value"],
    ["string", '{"value":null}', "value: expected a string", "value"],
    ["string", '{"value":"\\x"}', "value: expected an escape that JSON knows", "value"],
    ["string", '{"value":"\\u12g4"}', "value: expected four hexadecimal digits", "value"],
    ["string", '{"value":"a\nb"}', "value: expected the end of a string", "value"],
    ["string", "{}", "value: missing", "value"],
    ["string", '{"value":"x","valeu":"y"}', "valeu: unknown", "valeu"],
    ["bytes", '{"value":[1,256]}', "value: expected a whole number in the range of its type", "value"],
    ["list", '{"value":[1]}', "value: expected an array", "value"],
    ["list", '{"value":[[1 2]]}', "value: expected a comma or the end of the array", "value"],
    ["dictionary", '{"value":{"a":"b"}}', "value.a: expected a whole number", "value.a"],
    [
      "shape",
      '{"value":{"name":"x","corners":[{"x":1,"y":true}],"tags":{}}}',
      "value.corners.y: expected a whole number",
      "value.corners.y",
    ],
    ["shape", '{"value":{"name":"x","corners":[{"x":1}],"tags":{}}}', "value.corners.y: missing", "value.corners.y"],
    ["shape", '{"value":{"name":"x","corners":[],"tags":{},"colour":1}}', "value.colour: unknown", "value.colour"],
  ])("%s %s", async (method, input, message, field) => {
    expect(await guest.errorOf(method, input)).toEqual({ code: "invalid_argument", message, field });
  });

  test.each([
    ["[]", "expected an object"],
    ["{", "expected a member's name"],
    ['{"value"', "expected a colon"],
    ['{"value":"x"', "expected a comma or the end of the object"],
    ['{"value":"x"} x', "expected the end of the text"],
    ['{"value":"x",}', "expected a member's name"],
    ['{"val\u0000ue":"x"}', "expected the end of a string"],
  ])("%s is no JSON object", async (input, message) => {
    expect(await guest.errorOf("string", input)).toEqual({ code: "invalid_argument", message });
  });
});

describe("a call that fails", () => {
  const counted = (): Promise<unknown> => guest.value("counted");

  test.each([
    ["deep", { depth: 1 }, { code: "deep", message: "at the bottom" }],
    ["deep", { depth: 500 }, { code: "deep", message: "at the bottom" }],
    ["inExpression", { n: 0 }, { code: "division", message: "by nothing" }],
    ["overridden", { n: 5, failing: true }, { code: "failed", message: "step 5" }],
    ["whileLooping", {}, { code: "failed", message: "enough" }],
    ["unset", {}, { code: "not_set", message: "a register was read before it was set" }],
    ["userOf", { who: "no base58" }, { code: "invalid_argument", message: "expected base58 of 32 bytes: no base58" }],
  ])("%s %j ends at once, with its error and without a trace", async (method, args, error) => {
    const [before, root] = [await counted(), guest.root];
    expect(await guest.errorOf(method, args)).toEqual(error);
    expect([await counted(), guest.root]).toEqual([before, root]);
  });

  test("fails no other", async () => {
    expect(await guest.value("inExpression", { n: 2 })).toBe("X0.25x");
    expect(await guest.value("overridden", { n: 5, failing: false })).toBe(10);
    expect(await guest.value("overridden", { n: 2, failing: true })).toBe(4);
  });

  test.each([
    ["outOfRange", { index: 3 }, "Panic", /Index out of range.*~lib\/array/s],
    ["changing", {}, "Panic", /a method marked @view changed the state/],
    ["hiding", {}, "Panic", /a method marked @view changed private data/],
    ["nan", {}, "Panic", /JSON has no NaN/],
    ["kept", { id: "1".repeat(32) }, "BlobNotFound", /this node does not hold the blob/],
  ])("%s %j is a fault of the program", async (method, args, detail, message) => {
    const { failure } = await guest.failureOf(method, args);
    expect(failure).toMatchObject({ kind: "HostError", detail });
    expect(failure.message).toMatch(message);
  });
});

describe("collections", () => {
  test("hold one value, or none", async () => {
    expect(await guest.value("registers", { x: 4 })).toEqual([0, 1, -4, 0]);
    expect(await guest.value("maybes")).toEqual(["null", "some"]);
    expect(await guest.value("numbersToo")).toEqual([7, 0.5, 9, 1, -3]);
  });

  test("hold values by key", async () => {
    const least = (-(2n ** 63n)).toString();
    expect(await guest.value("maps")).toEqual(["true", "-70", "5", "7", "8", "true", "1", least]);
  });

  test("hold collections by key", async () => {
    await guest.call("nest", { outer: "a", inner: "x", value: 1 });
    await guest.call("nest", { outer: "b", inner: "x", value: 2 });
    await guest.call("nest", { outer: "a", inner: "y", value: 3 });
    expect(await guest.value("nests")).toEqual({ "a/x": 1, "a/y": 3, "b/x": 2 });
    expect(await guest.value("unnest", { outer: "a" })).toBe(true);
    expect(await guest.value("nests")).toEqual({ "b/x": 2 });
    expect(await guest.value("noNest", { outer: "a" })).toBe(true);
    await guest.call("nest", { outer: "a", inner: "z", value: 4 });
    expect(await guest.value("nests")).toEqual({ "a/z": 4, "b/x": 2 });
  });

  test("count up, and down", async () => {
    const before = (await guest.value("counted")) as number;
    expect(await guest.value("count")).toEqual([before + 2, before + 2]);
    expect(await guest.value("weigh")).toBe(-1);
  });

  test("hold each value once, values by position, and text", async () => {
    expect(await guest.value("sets")).toEqual([2, 1, 0, 1, 3, 0]);
    expect(await guest.value("vectors")).toEqual(["b", "c", "a", "none", "true", "2"]);
    expect(await guest.value("texts")).toEqual(["Jello, world 🐟", "14"]);
  });

  test("belong to their users, to their authors, or to nobody any more", async () => {
    await other.receive((await guest.call("users", { value: 5 })).artifact);
    expect(await other.value("userOf", { who: guest.user })).toBe(5);
    expect(await other.value("userOf", { who: other.user })).toBe(-2);
    expect(await other.value("users", { value: 6 })).toEqual([-1, 6, 1, 6]);
    expect(await other.value("userOf", { who: guest.user })).toBe(5);

    const frozen = await guest.call("freeze", { x: 3 });
    await other.receive(frozen.artifact);
    expect(await other.value("thawed", { hash: frozen.value })).toMatchObject({ x: 3, y: 3 });
    expect(await other.value("thawed", { hash: guest.user })).toBeNull();

    await other.receive((await guest.call("write", { key: "k", value: 1 })).artifact);
    expect(await other.value("written", { key: "k" })).toEqual(["1", guest.user, "false", "1"]);
    expect(await other.errorOf("rewrite", { key: "k", value: 2 })).toMatchObject({ code: "refused" });
    await other.receive((await guest.call("rewrite", { key: "k", value: 3 })).artifact);
    expect(await other.value("written", { key: "k" })).toEqual(["3", guest.user, "false", "1"]);
    expect(await other.value("written", { key: "none" })).toEqual(["-1", "nobody", "false", "1"]);
    expect(await guest.value("forget")).toBe(true);
  });

  test("may stay on their node", async () => {
    await guest.call("hide", { value: "s" });
    expect(await guest.value("seek")).toEqual(["s", "2"]);
    expect(await guest.value("hideBesides", { value: "t" })).toBe(false);
    expect(await guest.value("seek")).toEqual(["t", "2"]);
    expect(await guest.value("unhide")).toBe(true);
    expect(await guest.value("seek")).toEqual(["unset", "none"]);
  });
});

test("the ABI tells who may call what", () => {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(Uint8Array.from(wasm)), "calimero_abi_v1");
  const abi = JSON.parse(Buffer.from(section ?? new ArrayBuffer()).toString()) as {
    methods: { name: string; params: unknown; returns: unknown; read_only: boolean; xcall_callable: boolean }[];
    types: Record<string, unknown>;
  };
  const method = (name: string): unknown => abi.methods.find((one) => one.name === name);
  expect(method("nothing")).toMatchObject({
    params: [],
    returns: { kind: "unit" },
    read_only: true,
    xcall_callable: true,
  });
  expect(method("nullable")).toMatchObject({
    params: [{ name: "value", type: { kind: "option", inner: { kind: "string" } } }],
    read_only: true,
    xcall_callable: false,
  });
  expect(method("deep")).toMatchObject({ params: [{ name: "depth", type: { kind: "i32" } }], read_only: false });
  expect(abi.types).toMatchObject({
    Happened: {
      kind: "record",
      fields: [
        { name: "what", type: { kind: "string" } },
        { name: "times", type: { kind: "u32" } },
      ],
    },
    Guest: { kind: "record" },
  });
  expect((abi.types["Guest"] as { fields: { name: string; type: unknown }[] }).fields).toContainEqual({
    name: "nested",
    type: {
      kind: "map",
      key: { kind: "string" },
      value: { kind: "map", key: { kind: "string" }, value: { kind: "i32" }, crdt_type: "unordered_map" },
      crdt_type: "unordered_map",
    },
  });
});

describe("the surroundings", () => {
  test("tell who, where and when", async () => {
    const [context, executor, time, chance, id] = (await guest.value("about")) as string[];
    expect([context, executor]).toEqual([guest.contextId, guest.user]);
    expect(Number(time)).toBeGreaterThanOrEqual(1_700_000_000_000);
    expect(chance).toBe("4");
    expect(id).toMatch(/^[0-9a-f]{28}$/);
  });

  test("carry events, logs and calls of other contexts", async () => {
    const { events } = await guest.call("tell", { times: 3 });
    expect(events).toEqual([
      { kind: "Happened", data: { what: "it", times: 3 } },
      { kind: "Happened", data: { what: "that", times: 1 }, handler: "onHappened" },
    ]);
    expect((await guest.call("onHappened", events[1]?.data as object)).logs).toEqual(["that x1"]);
    const { xcalls } = await guest.call("later", { context: guest.contextId });
    expect(xcalls).toEqual([{ method: "shape", params: { what: "x", times: 2 } }]);
  });

  test("keep blobs of any size", async () => {
    for (const size of [1, 65_536, 200_000]) {
      const { value: id } = await guest.call("keep", { size });
      expect(await guest.value("kept", { id })).toBe(size);
    }
  });
});
