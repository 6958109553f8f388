/** The grammar, and that "covers" is an order in which nothing reaches beyond itself. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  anyCovers,
  covers,
  intersection,
  keptPermissions,
  parsePermission,
  parsePermissions,
  PERMISSION_LIMITS,
  PERMISSION_PATHS,
  scoped,
  textOf,
  type Permission,
} from "@shoal/node/auth/permissions.ts";

const grants = (granted: string, required: string): boolean =>
  covers(parsePermission(granted), parsePermission(required));

const id = fc.constantFrom("a", "b", "c");
const part = fc.oneof(id, fc.constantFrom("", "*"));
const permission: fc.Arbitrary<Permission> = fc
  .tuple(fc.constantFrom(...PERMISSION_PATHS), fc.array(part, { maxLength: 3 }))
  .map(([path, parts]) =>
    parsePermission(path === "admin" || parts.length === 0 ? path : `${path}[${parts.join(",")}]`),
  );

describe("covers", () => {
  it.each([
    ["admin", "keys:permissions:update[x]"],
    ["admin", "admin"],
    ["application", "application:install"],
    ["blob:add", "blob:add:url"],
    ["context", "context:alias:create:identity[c]"],
    ["context[c,u]", "context:execute[c,u,set]"],
    ["context[c,u]", "context[c,u]"],
    ["context[c,u]", "context:list[c,u]"],
    ["context:execute[c]", "context:execute[c,u,set]"],
    ["context:execute[c,*,set]", "context:execute[c,u,set]"],
    ["context:execute[,,get]", "context:execute[c,u,get]"],
    ["context:execute[c,<u>]", "context:execute[c,u]"],
    ["application:install[a,b]", "application:install[b]"],
    ["application:install[a,*]", "application:install"],
    ["keys:permissions[k]", "keys:permissions:get[k]"],
  ])("%s covers %s", (granted, required) => expect(grants(granted, required)).toBe(true));

  it.each([
    ["application", "admin"],
    ["application:install", "application"],
    ["application:install", "application:list"],
    ["blob:add:url", "blob:add"],
    ["context[c,u]", "context:execute[d,u,set]"],
    ["context[c,u]", "context:execute[c,v,set]"],
    ["context[c,u]", "context:execute[c]"],
    ["context[c,u]", "context:list"],
    ["context[c,u]", "context:list[c]"],
    ["context[c,u]", "context:delete[c]"],
    ["context[c,u]", "context:create"],
    ["context:execute[c,u,set]", "context:execute[c,u,get]"],
    ["context:execute[c,u,set]", "context:execute[c,u]"],
    ["application:install[a]", "application:install"],
    ["application:install[a]", "application:install[a,b]"],
    ["keys:clients", "keys:list"],
  ])("%s does not cover %s", (granted, required) => expect(grants(granted, required)).toBe(false));

  it("is reflexive, transitive, and admin is above all", () => {
    fc.assert(
      fc.property(permission, permission, permission, (a, b, c) => {
        expect(covers(a, a)).toBe(true);
        if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true);
        expect(covers(parsePermission("admin"), a)).toBe(true);
        expect(covers(a, parsePermission("admin"))).toBe(a.path === "admin");
      }),
      { numRuns: 3000 },
    );
  });

  it("of a parent without a scope reaches every child, and no child reaches its parent", () => {
    for (const path of PERMISSION_PATHS) {
      const parent = path.split(":").slice(0, -1).join(":");
      if (parent === "") continue;
      expect(grants(parent, path)).toBe(true);
      expect(grants(path, parent)).toBe(false);
    }
  });

  it("is never widened by leaving something out of what is asked", () => {
    fc.assert(
      fc.property(permission, permission, (granted, required) => {
        const blank = parsePermission(required.path);
        if (covers(granted, blank)) expect(covers(granted, required)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("an intersection", () => {
  it("allows nothing that either side does not", () => {
    const list = fc.array(permission, { maxLength: 4 });
    fc.assert(
      fc.property(list, list, permission, (a, b, asked) => {
        const both = intersection(a, b);
        if (anyCovers(both, asked)) expect(anyCovers(a, asked) && anyCovers(b, asked)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the text of a permission", () => {
  it("is read back as the same", () => {
    fc.assert(
      fc.property(permission, (each) => {
        expect(textOf(parsePermission(textOf(each)))).toBe(textOf(each));
      }),
    );
  });

  it.each([
    "",
    "root",
    "Admin",
    "admin[x]",
    "context:",
    ":context",
    "context::execute",
    "context:fly",
    "context[a",
    "context]a[",
    "context[a][b]",
    "context[a,b,c,d]",
    "context[a b]",
    "context[<a]",
    "context[[a]]",
    "admin\n",
    "context:execute[a,b,c,d]",
    `context[${"a".repeat(600)}]`,
    "__proto__",
    "constructor",
  ])("%j is refused", (text) => {
    expect(() => parsePermission(text, "add")).toThrow(
      expect.objectContaining({ code: "invalid_argument", field: "add" }),
    );
  });

  it("is never anything but a permission or a refusal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        try {
          expect(PERMISSION_PATHS.has(parsePermission(text).path)).toBe(true);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "invalid_argument" });
        }
      }),
    );
  });

  it("cannot be made from parts that would change its meaning", () => {
    expect(scoped("context:execute", ["c", undefined, "set"])).toBe("context:execute[c,,set]");
    for (const part of ["a,b", "a]", "[", "*", "", "a b", "<a>"])
      expect(() => scoped("context:execute", ["c", "u", part])).toThrow(/no blanks/);
  });
});

describe("a list of permissions", () => {
  it("is bounded, and says each once", () => {
    expect(parsePermissions(["context[b]", "context[b,]", "context[b,*]"]).map(textOf)).toEqual(["context[b]"]);
    const many = Array.from({ length: PERMISSION_LIMITS.perKey + 1 }, () => "blob");
    expect(() => parsePermissions(many)).toThrow(/at most 64/);
    const long = Array.from({ length: 20 }, (_, at) => `context[${String(at % 10).repeat(300 - at)}]`);
    expect(() => parsePermissions(long)).toThrow(/4096 characters/);
  });

  it("that was kept loses what is no longer known", () => {
    expect(keptPermissions(["admin:all", "blob"]).map(textOf)).toEqual(["blob"]);
  });
});
