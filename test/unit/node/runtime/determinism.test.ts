/**
 * The same request, module and state give the same outcome (I18): on this thread, on a thread of an executor, on another
 * executor's, again and again. Guests are random scripts of host calls, good and bad.
 */
import {
  constant,
  assert,
  asyncProperty,
  constantFrom,
  type Arbitrary,
  array,
  oneof,
  record,
  tuple,
  uint8Array,
} from "fast-check";
import type { Executor, Outcome } from "@shoal/node/runtime/contract.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { guest, Layout, scriptBody, type Step } from "./guest.ts";
import { limitsOf, openStage, requestOf, type Stage } from "./stage.ts";

let stage: Stage;
let executors: readonly Executor[];
beforeAll(async () => {
  stage = await openStage();
  executors = [await stage.executor({ workers: 2 }), await stage.executor({ workers: 1 })];
});
afterAll(() => stage.close());

type Recipe = (at: Layout) => readonly Step[];
const ID = new Uint8Array(32).fill(8);
const key = constantFrom("a", "b", "c");
const value = uint8Array({ maxLength: 40 });

const pair = (make: (at: Layout, key: string, value: Uint8Array) => Step): Arbitrary<Recipe> =>
  tuple(key, value).map(([name, content]) => (at) => [make(at, name, content)]);

/** What the host fills in shows: it is kept, and what was kept before is told. */
const filled = (name: string, bytes: number): Arbitrary<Recipe> =>
  constant((at) => {
    const room = at.room(bytes);
    return [
      [name, room],
      [name, room],
      ["storage_write", at.buffer(name), room, 1],
      ["storage_read", at.buffer(name), 1],
    ];
  });

const recipe: Arbitrary<Recipe> = oneof(
  pair((at, name, content) => ["storage_write", at.buffer(name), at.buffer(content), 1]),
  pair((at, name) => ["storage_read", at.buffer(name), 1]),
  pair((at, name) => ["storage_remove", at.buffer(name), 1]),
  pair((at, name, content) => ["private_storage_write", at.buffer(name), at.buffer(content)]),
  pair((at, name, content) => ["storage_index_set", at.buffer(name), at.buffer(content)]),
  pair((at, name) => ["storage_index_scan", at.buffer(name), at.buffer(""), 0, 0, 1]),
  pair((at, name, content) => ["emit", at.event(name, content)]),
  pair((at, name) => ["log_utf8", at.buffer(name)]),
  pair((at, name, content) => ["js_crdt_map_insert", at.buffer(ID), at.buffer(name), at.buffer(content), 1]),
  pair((at) => ["js_crdt_map_new_with_id", at.buffer(ID), 1]),
  pair(() => ["js_crdt_map_new", 1]),
  pair((at) => ["js_crdt_map_iter", at.buffer(ID), 1]),
  filled("time_now", 8),
  filled("random_bytes", 24),
  pair(() => ["flush_delta"]),
  pair((at) => ["commit", at.buffer(ID), at.buffer("artifact")]),
  // Rarely something that ends the run.
  pair((at, name, content) =>
    content.length > 36 ? ["read_register", 99, at.room(1)] : ["storage_read", at.buffer(name), 1],
  ),
);

/** Without its timings, and with bytes as text: buffers of one kind or another are the same bytes. */
function plain(outcome: Outcome): string {
  return JSON.stringify({ ...outcome, timings: undefined }, (_key, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    const buffer = value as { readonly type?: unknown; readonly data?: unknown } | null;
    // Buffers were made into this before they came here.
    if (buffer?.type === "Buffer" && Array.isArray(buffer.data)) return Buffer.from(buffer.data).toString("hex");
    return value;
  });
}

it("the same outcome, wherever and however often", async () => {
  let contexts = 0;
  await assert(
    asyncProperty(
      record({
        before: array(recipe, { maxLength: 6 }),
        steps: array(recipe, { minLength: 1, maxLength: 12 }),
        seed: value,
      }),
      async ({ before, steps, seed }) => {
        const layout = new Layout();
        const commit: Recipe = (at) => [["commit", at.buffer(ID), at.buffer("")]];
        const calls = (recipes: readonly Recipe[]): Step[] => recipes.flatMap((make) => make(layout));
        const methods = { before: scriptBody(calls([...before, commit])), run: scriptBody(calls(steps)) };
        const module = await stage.install(await guest(methods, layout));
        const context = new Uint8Array(32);
        new DataView(context.buffer).setUint32(0, ++contexts);
        await stage.apply(requestOf(module, "before", { context }));

        const request = requestOf(module, "run", {
          context,
          seed: Uint8Array.from({ length: 32 }, (_, at) => seed[at] ?? at),
          limits: limitsOf({ maxGas: 50_000n }),
        });
        const here = plain(stage.run(request));
        const there = await Promise.all(executors.flatMap((one) => [one.run(request), one.run(request)]));
        expect(plain(stage.run(request))).toEqual(here);
        for (const outcome of there) expect(plain(outcome)).toEqual(here);
      },
    ),
    { numRuns: 30 },
  );
});
