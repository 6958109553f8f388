/**
 * The permission grammar, as pure functions: `path[scope]`. A path is words joined by colons, and a parent covers its
 * children. The scope of `context…` is positional, `[context,user,method]`; every other one is a set of ids. What is left
 * out, empty or `*` means any. What is asked for is written in the same grammar, and asking for "any" is only covered by
 * "any", so whatever a caller leaves blank makes the demand harder to meet, never easier.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** `undefined` in `slots` is any. `ids` is empty where any is meant. */
export type Permission =
  | { readonly path: string; readonly kind: "ids"; readonly ids: readonly string[] }
  | { readonly path: string; readonly kind: "context"; readonly slots: readonly (string | undefined)[] };

export const PERMISSION_LIMITS = { textMaxLength: 512, perKey: 64, totalLength: 4096 } as const;

const ALIAS_VERBS = ["create", "list", "lookup", "delete"];
const ALIAS_KINDS = ["context", "application", "identity"];

/** Every path there is. */
export const PERMISSION_PATHS: ReadonlySet<string> = new Set([
  "admin",
  ...family("application", ["list", "install", "uninstall"]),
  ...family("package", ["list-packages", "list-versions", "get-latest-version"]),
  ...family("blob", ["add", "add:stream", "add:file", "add:url", "remove", "list", "get"]),
  ...family("context", ["create", "list", "delete", "leave", "invite", "execute"]),
  ...family("context:capabilities", ["grant", "revoke"]),
  ...family("context:application", ["update"]),
  ...family("context:alias", ALIAS_VERBS),
  ...ALIAS_VERBS.flatMap((verb) => ALIAS_KINDS.map((kind) => `context:alias:${verb}:${kind}`)),
  ...family("namespace", ["create", "list", "manage"]),
  ...family("group", ["create", "list", "manage"]),
  ...family("keys", ["create", "list", "delete"]),
  ...family("keys:clients", ["list", "delete"]),
  ...family("keys:permissions", ["get", "update"]),
]);

function family(parent: string, children: readonly string[]): string[] {
  return [parent, ...children.map((child) => `${parent}:${child}`)];
}

const SHAPE = /^([a-z-]+(?::[a-z-]+)*)(?:\[([^[\]]*)\])?$/;
const ID = /^[^\s<>,[\]*]+$/;

/** Throws `invalid_argument` naming `field` where the text is no permission. */
export function parsePermission(text: string, field = "permissions"): Permission {
  const refuse = (why: string): never => {
    throw new ShoalError("invalid_argument", `${JSON.stringify(text.slice(0, 64))} is no permission: ${why}`, {
      field,
    });
  };
  if (text.length > PERMISSION_LIMITS.textMaxLength) return refuse("it is too long");
  const match = SHAPE.exec(text);
  if (match === null) return refuse("expected words joined by colons, then an optional [scope]");
  const [, path = "", scope] = match;
  if (!PERMISSION_PATHS.has(path)) return refuse("there is none of that name");
  const items = scope === undefined ? [] : scope.split(",").map((item) => item.trim());
  const slots = items.map((item) => {
    const id = /^<.*>$/.test(item) ? item.slice(1, -1) : item;
    if (id === "" || id === "*") return undefined;
    return ID.test(id) ? id : refuse("an id has no blanks, commas or brackets");
  });
  if (path === "context" || path.startsWith("context:")) {
    if (slots.length > 3) return refuse("its scope is [context,user,method]");
    return { path, kind: "context", slots };
  }
  if (path === "admin" && scope !== undefined) return refuse("it has no scope");
  // One "any" among ids makes the whole set "any".
  return { path, kind: "ids", ids: slots.every((id) => id !== undefined) ? slots : [] };
}

/** The text of a permission with a scope; throws `invalid_argument` where a part cannot stand in one. */
export function scoped(path: string, parts: readonly (string | undefined)[]): string {
  for (const part of parts) {
    if (part !== undefined && !ID.test(part))
      throw new ShoalError("invalid_argument", "a name here has no blanks, commas, brackets or stars");
  }
  const items = parts.map((part) => part ?? "");
  while (items.at(-1) === "") items.pop();
  return items.length === 0 ? path : `${path}[${items.join(",")}]`;
}

/** The one spelling of a permission. */
export function textOf(permission: Permission): string {
  if (permission.kind === "context") return scoped(permission.path, permission.slots);
  return scoped(permission.path, [...new Set(permission.ids)].sort());
}

/** Whether whoever holds `granted` may do what `required` names. Reflexive and transitive. */
export function covers(granted: Permission, required: Permission): boolean {
  if (granted.path === "admin") return true;
  if (granted.path !== required.path && !required.path.startsWith(`${granted.path}:`)) return false;
  if (granted.kind === "context") {
    const asked = required.kind === "context" ? required.slots : [];
    return granted.slots.every((slot, at) => slot === undefined || slot === asked[at]);
  }
  if (granted.ids.length === 0) return true;
  const asked = required.kind === "ids" ? required.ids : [];
  return asked.length > 0 && asked.every((id) => granted.ids.includes(id));
}

export function anyCovers(granted: readonly Permission[], required: Permission): boolean {
  return granted.some((each) => covers(each, required));
}

/** What both lists allow: used where a token says one thing and its key, by now, another. */
export function intersection(a: readonly Permission[], b: readonly Permission[]): readonly Permission[] {
  const both = [...a.filter((each) => anyCovers(b, each)), ...b.filter((each) => anyCovers(a, each))];
  return [...new Map(both.map((each) => [textOf(each), each])).values()];
}

/** Permissions from outside in their one spelling, without repetition; throws `invalid_argument` naming `field`. */
export function parsePermissions(texts: readonly string[], field = "permissions"): readonly Permission[] {
  const { perKey, totalLength } = PERMISSION_LIMITS;
  if (texts.length > perKey) throw new ShoalError("invalid_argument", `at most ${perKey} permissions`, { field });
  const all = new Map<string, Permission>();
  for (const text of texts) {
    const permission = parsePermission(text, field);
    all.set(textOf(permission), permission);
  }
  if ([...all.keys()].join("").length > totalLength)
    throw new ShoalError("invalid_argument", `at most ${totalLength} characters of permissions in all`, { field });
  return [...all.values()];
}

/** Permissions that were kept: what a later version no longer knows allows nothing. */
export function keptPermissions(texts: readonly string[]): readonly Permission[] {
  return texts.flatMap((text) => {
    try {
      return [parsePermission(text)];
    } catch {
      return [];
    }
  });
}
