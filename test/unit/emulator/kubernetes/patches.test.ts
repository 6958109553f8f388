import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import type { ApiObject, Fields } from "@shoal/emulator/kubernetes/object.ts";
import { common, fieldsOf, pathsOf, union, without } from "@shoal/emulator/kubernetes/patches/field-set.ts";
import { BUILT_IN_LISTS } from "@shoal/emulator/kubernetes/patches/list-keys.ts";
import { applied, ownersAfterUpdate } from "@shoal/emulator/kubernetes/patches/managers.ts";
import { mergePatch } from "@shoal/emulator/kubernetes/patches/merge.ts";
import { strategicMerge } from "@shoal/emulator/kubernetes/patches/strategic.ts";

describe("a merge patch", () => {
  it.each<[Fields, Fields, Fields]>([
    // RFC 7386, appendix A, as far as it is about objects
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("of %j by %j is %j", (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });
});

describe("a strategic merge patch", () => {
  it.each<[string, Fields, Fields, Fields]>([
    [
      "merges items by key",
      { env: [{ name: "A", value: "1" }] },
      {
        env: [
          { name: "B", value: "2" },
          { name: "A", value: "3" },
        ],
      },
      {
        env: [
          { name: "A", value: "3" },
          { name: "B", value: "2" },
        ],
      },
    ],
    [
      "orders by $setElementOrder",
      { env: [{ name: "A" }, { name: "B" }] },
      { "$setElementOrder/env": [{ name: "B" }, { name: "A" }] },
      { env: [{ name: "B" }, { name: "A" }] },
    ],
    [
      "replaces by $patch",
      { env: [{ name: "A" }] },
      { env: [{ name: "B" }, { $patch: "replace" }] },
      { env: [{ name: "B" }] },
    ],
    ["deletes by $patch", { env: [{ name: "A" }] }, { env: [{ name: "A", $patch: "delete" }] }, { env: [] }],
    ["replaces an object", { spec: { a: 1 } }, { spec: { $patch: "replace", b: 2 } }, { spec: { b: 2 } }],
    ["keeps only $retainKeys", { s: { a: 1, b: 2 } }, { s: { $retainKeys: ["b"], b: 3 } }, { s: { b: 3 } }],
    [
      "replaces lists that are no maps",
      { taints: [{ key: "a" }] },
      { taints: [{ key: "b" }] },
      { taints: [{ key: "b" }] },
    ],
    [
      "takes texts from sets",
      { finalizers: ["a", "b"] },
      { "$deleteFromPrimitiveList/finalizers": ["a"] },
      { finalizers: ["b"] },
    ],
  ])("%s", (_what, target, patch, result) => {
    expect(strategicMerge(target, patch)).toEqual(result);
  });

  it("refuses an item without its key", () => {
    expect(() => strategicMerge({}, { env: [{ value: "1" }] })).toThrow("merge key: name");
  });
});

describe("field sets", () => {
  const value: fc.Arbitrary<Fields> = fc.letrec<{ value: Fields }>((tie) => ({
    value: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof({ maxDepth: 3 }, fc.constant("x"), tie("value")), {
      maxKeys: 3,
    }),
  })).value;
  const set = value.map((object) => fieldsOf(object, BUILT_IN_LISTS));

  it("without and common part a set in two", () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(pathsOf(union(without(a, b), common(a, b))).sort()).toEqual(pathsOf(a).sort());
        expect(pathsOf(common(without(a, b), b))).toEqual([]);
        expect(pathsOf(union(a, b)).sort()).toEqual(pathsOf(union(b, a)).sort());
      }),
    );
  });

  it("name items by their keys", () => {
    const object = {
      spec: { containers: [{ name: "main", ports: [{ containerPort: 80 }] }] },
      metadata: { finalizers: ["a"] },
    };
    const fields = fieldsOf(object, BUILT_IN_LISTS);
    expect(pathsOf(fields)).toEqual([
      '.metadata.finalizers[="a"]',
      '.spec.containers[name="main"].name',
      '.spec.containers[name="main"].ports[containerPort=80,protocol="TCP"].containerPort',
    ]);
    expect(fields["f:spec"]?.["f:containers"]?.['k:{"name":"main"}']?.["."]).toEqual({});
  });
});

describe("managers", () => {
  const live: ApiObject = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "x" } };
  const manager = (name: string) => ({ name, time: "2026-01-01T00:00:00Z" });
  const apply = (object: ApiObject, by: string, data: Fields, force = false): ApiObject =>
    applied(object, { ...live, data }, { manager: manager(by), force, lists: BUILT_IN_LISTS });
  const update = (object: ApiObject, by: string, data: Fields): ApiObject => {
    const next = { ...object, data };
    const managedFields = ownersAfterUpdate(object, next, manager(by), BUILT_IN_LISTS);
    return { ...next, metadata: { ...object.metadata, managedFields } };
  };
  const owners = (object: ApiObject): Record<string, string[]> =>
    Object.fromEntries(
      (object.metadata.managedFields ?? []).map((one) => [
        `${one.manager} ${one.operation}`,
        pathsOf(one.fieldsV1 as never),
      ]),
    );

  it("lose to a plain write what it changes or takes away", () => {
    const first = update(live, "one", { a: "1", b: "1" });
    const second = update(first, "two", { a: "2" });
    expect(owners(second)).toEqual({ "two Update": [".data.a"] });
  });

  it("keep by apply what others own, and lose by force only what is taken", () => {
    const first = apply(live, "one", { a: "1", b: "1" });
    expect(() => apply(first, "two", { a: "2" })).toThrow(
      'Apply failed with 1 conflict: conflict with "one" using v1: .data.a',
    );
    const second = apply(first, "two", { a: "2" }, true);
    expect(second["data"]).toEqual({ a: "2", b: "1" });
    expect(owners(second)).toEqual({ "one Apply": [".data.b"], "two Apply": [".data.a"] });
  });

  it("never take a field from another unasked", () => {
    const values = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"), { maxKeys: 3 });
    const steps = fc.array(fc.tuple(fc.constantFrom("one", "two", "three"), values), { maxLength: 12 });
    fc.assert(
      fc.property(steps, (history) => {
        let object = live;
        const wants = new Map<string, Fields>();
        for (const [by, data] of history) {
          try {
            object = apply(object, by, data);
            wants.set(by, data);
          } catch (thrown) {
            expect(String(thrown)).toContain("Apply failed");
          }
          // Whoever was not refused still has what he asked for, and nothing is there that nobody asks for.
          const wanted = Object.assign({}, ...wants.values()) as Fields;
          expect(object["data"] ?? {}).toEqual(wanted);
        }
      }),
    );
  });
});
