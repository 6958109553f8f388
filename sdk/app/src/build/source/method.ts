/** The functions that the module exports: one for each method of the state, which reads arguments and gives back a result. */
import type { AppMethod, AppModel } from "./app-model.ts";
import { bit } from "./codec.ts";
import { isPrivate } from "./app-model.ts";
import type { ClassModel } from "./model.ts";

/** What an exported function is called in the text; it is exported under the method's own name. */
export function wrapperName(method: string): string {
  return `__shoal_${method}`;
}

/** Names of the exported methods, `init` among them whether the author wrote one or not. */
export function exportedNames(app: AppModel): readonly string[] {
  return [...new Set(["init", ...app.methods.map(({ name }) => name)])];
}

export function exportsOf(app: AppModel): string {
  const inits = app.methods.some(({ role }) => role === "init");
  const wrappers = app.methods.map((method) => wrapper(app, method));
  if (!inits) wrappers.unshift(wrapperOf(app, "init", [], initBody(app, "")));
  return wrappers.join("\n");
}

function wrapper(app: AppModel, method: AppMethod): string {
  const args = method.params.map((_, at) => `p${at}`).join(", ");
  const call = `state.${method.name}(${args});`;
  if (method.role === "init") return wrapperOf(app, method.name, method.params, initBody(app, call));
  if (method.role === "migrate") {
    const body = `__shoal.demandVersion(${method.from}); ${opened(app)} ${created(app.state)} ${call} ${saved(app)}`;
    return wrapperOf(app, method.name, [], `${body} ${given(app)}`);
  }
  const returned = method.returns.text;
  const run = returned === "void" ? call : `__shoal.returns<${returned}>(${call.slice(0, -1)});`;
  const kept = method.role === "view" ? "" : `__shoal.keep(${docText(app)});`;
  return wrapperOf(app, method.name, method.params, `${opened(app)} ${run} ${kept}`, method.role === "view");
}

function wrapperOf(_app: AppModel, name: string, params: AppMethod["params"], body: string, view = false): string {
  const variables = params.map(({ type }, at) => `let p${at} = __shoal.zero<${type.text}>();`);
  const cases = params.map(({ name: param, type }, at) => {
    const read = `p${at} = __shoal.decode<${type.text}>(r);`;
    return `if (r.is("${param}")) { r.enter("${param}"); ${read} r.leave(); seen |= ${bit(at)}; }`;
  });
  const absent = params.flatMap(({ name: param, type, fallback }, at) => {
    if (fallback !== undefined) return [`if (!(seen & ${bit(at)})) p${at} = ${fallback};`];
    return type.nullable ? [] : [`if (!(seen & ${bit(at)})) r.missing("${param}");`];
  });
  return (
    `export function ${wrapperName(name)}(): void { const r = __shoal.begin(${view}); ${variables.join(" ")} ` +
    `let seen: u64 = 0; let first = true; while (r.nextMember(first)) { first = false; ` +
    `${[...cases, "r.unknown();"].join(" else ")} } r.finish(); ${absent.join(" ")} ${body} }`
  );
}

function initBody(app: AppModel, call: string): string {
  return `__shoal.demandNone(); ${opened(app)} ${created(app.state)} ${call} ${saved(app)}`;
}

const opened = (app: AppModel): string => `const state = new ${app.state.name}();`;

const created = (state: ClassModel): string =>
  state.fields
    .filter((field) => !isPrivate(field))
    .map(({ name }) => `state.${name}.__create();`)
    .join(" ");

const saved = (app: AppModel): string => `__shoal.persist(${docText(app)}); __shoal.flush();`;

const given = (app: AppModel): string => `__shoal.givesDocument(${docText(app)});`;

/** The root: which version of the state this is, and the fields it has. */
export function rootDocument(app: AppModel): string {
  const fields = Object.fromEntries(
    app.state.fields.filter((field) => !isPrivate(field)).map(({ name, type }) => [name, type.text]),
  );
  return JSON.stringify({ version: app.version, state: app.state.name, fields });
}

const docText = (app: AppModel): string => JSON.stringify(rootDocument(app));
