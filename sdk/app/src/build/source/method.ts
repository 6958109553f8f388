/** The functions that the module exports: one for each method of the state, which reads arguments and gives back a result. */
import { type AppMethod, type AppModel, isPrivate } from "./app-model.ts";
import { caseOf, demandOf, membersOf } from "./codec.ts";
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
  const wrappers = app.methods.map((method) => wrapperOf(method, bodyOf(app, method)));
  if (!app.methods.some(({ role }) => role === "init")) wrappers.unshift(wrapperOf(IMPLICIT_INIT, initBody(app, "")));
  return wrappers.join("\n");
}

const IMPLICIT_INIT = { name: "init", params: [], role: "init" } as const;

function bodyOf(app: AppModel, { name, params, returns, role, from = 0 }: AppMethod): string {
  const call = `__state.${name}(${params.map((_, at) => `__p${at}`).join(", ")})`;
  if (role === "init") return initBody(app, `${call};`);
  if (role === "migrate") {
    const run = `if (__shoal.migrates(${from}, ${app.version})) ${call};`;
    return `${opened(app)} ${created(app.state)} ${run} ${saved(app)} __shoal.givesDocument(${docText(app)});`;
  }
  const run = returns.name === "void" ? `${call};` : `__shoal.returns<${returns.text}>(${call});`;
  return `${opened(app)} ${run} ${role === "view" ? "" : kept(app)}`;
}

/** Every name of the wrapper's own begins with two underscores: defaults are the author's, and mean the author's names. */
function wrapperOf({ name, params, role }: Pick<AppMethod, "name" | "params" | "role">, body: string): string {
  const variables = params.map(({ type }, at) => `let __p${at} = __shoal.zero<${type.text}>();`);
  const cases = params.map((param, at) =>
    caseOf(param.name, at, `__p${at} = __shoal.decode<${param.type.text}>(__r);`),
  );
  const absent = params.flatMap(({ name: param, type, fallback }, at) => {
    if (fallback !== undefined) return [`if (!(__seen & (<u64>1 << ${at}))) __p${at} = ${fallback};`];
    return type.nullable ? [] : [demandOf(param, at)];
  });
  return (
    `export function ${wrapperName(name)}(): void { const __r = __shoal.begin(${role === "view"}); ` +
    `${variables.join(" ")} ${membersOf(cases)} __r.finish(); ${absent.join(" ")} ${body} }`
  );
}

function initBody(app: AppModel, call: string): string {
  return `__shoal.demandNone(); ${opened(app)} ${created(app.state)} ${call} ${saved(app)}`;
}

const opened = (app: AppModel): string => `const __state = new ${app.state.name}();`;

const created = (state: ClassModel): string =>
  state.fields
    .filter((field) => !isPrivate(field))
    .map(({ name }) => `__state.${name}.__create();`)
    .join(" ");

const kept = (app: AppModel): string =>
  app.state.fields.some(isPrivate) ? "__shoal.keepPrivate();" : "__shoal.keep();";

const saved = (app: AppModel): string => `__shoal.persist(${docText(app)}); __shoal.flush();`;

/** The root: which version of the state this is, and the fields it has. */
function rootDocument(app: AppModel): string {
  const fields = Object.fromEntries(
    app.state.fields.filter((field) => !isPrivate(field)).map(({ name, type }) => [name, type.text]),
  );
  return JSON.stringify({ version: app.version, state: app.state.name, fields });
}

const docText = (app: AppModel): string => JSON.stringify(rootDocument(app));
