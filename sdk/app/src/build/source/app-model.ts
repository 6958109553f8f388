/** The app that a set of files makes up, judged: one state class, marked classes, methods by their parts. */
import type { Problem } from "../problem.ts";
import { AbiTypes } from "./abi-type.ts";
import { MEMBERS_MAX } from "./codec.ts";
import { lineOf } from "./lines.ts";
import type { ClassModel, Decorator, Method, Place, SourceFile } from "./model.ts";

/** Where the state class is looked for, within the app's folder. */
export const APP_FILE = "src/app.ts";

const METHOD_NAME_MAX = 256;
const RESERVED = /^(__|memory$)/;

export type MethodRole = "init" | "view" | "mutate" | "migrate";

export interface AppMethod extends Method {
  readonly role: MethodRole;
  /** Marked @xcall: other contexts may call it. */
  readonly callable: boolean;
  /** `migrate`: the version it starts from. */
  readonly from?: number;
}

export interface AppModel {
  readonly state: ClassModel;
  readonly version: number;
  readonly methods: readonly AppMethod[];
  /** Marked classes of all files. */
  readonly values: readonly ClassModel[];
  readonly events: readonly ClassModel[];
  readonly types: AbiTypes;
}

/** Reads the app out of its files; whatever is wrong with it is in `problems`, and the model then counts for nothing. */
export function appOf(files: readonly SourceFile[]): {
  readonly app?: AppModel;
  readonly problems: readonly Problem[];
} {
  const judge = new Judge(files);
  const app = judge.app();
  return { ...(app === undefined ? {} : { app }), problems: judge.problems() };
}

class Judge {
  readonly #files: readonly SourceFile[];
  readonly #found: { readonly place: Place; readonly message: string }[] = [];
  readonly #general: Problem[] = [];
  #types = new AbiTypes([]);

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
  }

  app(): AppModel | undefined {
    const marked = (name: string): readonly ClassModel[] =>
      this.#files.flatMap(({ classes }) => classes.filter((model) => decorated(model, name) !== undefined));
    const values = marked("json");
    const events = marked("event");
    this.#types = new AbiTypes([...values, ...events].map(({ name }) => name));
    const states = marked("app");
    const [state] = states;
    if (state === undefined || states.length > 1 || state.place.path !== APP_FILE) {
      this.#general.push({ path: APP_FILE, message: "expected one class marked @app here, and none elsewhere" });
      return undefined;
    }
    this.#unique([...values, ...events]);
    for (const model of [...values, ...events]) this.#data(model);
    this.#state(state);
    const version = decorated(state, "version");
    if (version !== undefined && !(Number(version.args[0]) >= 1)) this.#at(version.place, "expected @version(2), say");
    const methods = state.methods.filter(({ exported }) => exported).map((method) => this.#method(method));
    this.#inits(methods);
    return { state, version: version?.args[0] ?? 1, methods, values, events, types: this.#types };
  }

  problems(): readonly Problem[] {
    const misfits = this.#types.misfits.map(({ type, message }) => ({ place: type.place, message }));
    const placed = [...this.#found, ...misfits].map(({ place, message }) => {
      const text = this.#files.find(({ path }) => path === place.path)?.text ?? "";
      return { path: place.path, ...lineOf(text, place.at), message };
    });
    return [...this.#general, ...placed];
  }

  #at(place: Place, message: string): void {
    this.#found.push({ place, message });
  }

  #unique(models: readonly ClassModel[]): void {
    const seen = new Set<string>();
    for (const { name, place } of models) {
      if (seen.has(name)) this.#at(place, `${name} is the name of another class marked @json or @event`);
      seen.add(name);
    }
  }

  #data(model: ClassModel): void {
    if (model.generic || model.extendsAnother) {
      this.#at(model.place, "a class marked @json or @event is neither generic nor extends another");
    }
    const fields = model.fields.filter(({ isStatic }) => !isStatic);
    if (fields.length > MEMBERS_MAX) this.#at(model.place, `a class has at most ${MEMBERS_MAX} members that travel`);
    for (const { type } of fields) this.#types.value(type);
  }

  #state(state: ClassModel): void {
    if (state.generic || state.extendsAnother)
      this.#at(state.place, "the state is neither generic nor extends a class");
    if (state.hasConstructor)
      this.#at(state.place, "the state has no constructor: what it begins with is set in @init");
    for (const field of state.fields) {
      if (field.isStatic) this.#at(field.place, "the state has no static fields: every call begins anew");
      else this.#types.field(field.type, isPrivate(field));
      if (field.fallback !== undefined)
        this.#at(field.place, "a field of the state is made by the build: leave `= ...` out");
    }
  }

  #method(method: Method): AppMethod {
    const marks = method.decorators.filter(({ name }) => ["init", "view", "mutate", "migrate"].includes(name));
    for (const { name, place } of method.decorators.filter((mark) => !marks.includes(mark) && mark.name !== "xcall")) {
      this.#at(place, `@${name} is no mark of a method: expected @init, @view, @mutate, @migrate or @xcall`);
    }
    if (marks.length > 1) this.#at(method.place, "a method is one of @init, @view, @mutate and @migrate");
    const role = (marks[0]?.name ?? (method.name === "init" ? "init" : "mutate")) as MethodRole;
    if (RESERVED.test(method.name) || method.name.length > METHOD_NAME_MAX) {
      this.#at(
        method.place,
        `${method.name} is no name of a method: expected up to ${METHOD_NAME_MAX} letters, digits and _`,
      );
    }
    if (role === "init" ? method.name !== "init" : method.name === "init") {
      this.#at(method.place, "the method marked @init is named init, and no other is");
    }
    if (method.generic) this.#at(method.place, "a method that is called from outside has no type parameters");
    if (method.params.length > MEMBERS_MAX) this.#at(method.place, `a method has at most ${MEMBERS_MAX} parameters`);
    for (const { type } of method.params) this.#types.value(type);
    this.#types.value(method.returns);
    const silent = role === "init" || role === "migrate";
    const callable = decorated(method, "xcall") !== undefined;
    if (silent && callable) this.#at(method.place, `@${role} is the node's to call: leave @xcall out`);
    if (silent && method.returns.name !== "void") this.#at(method.returns.place, `@${role} returns nothing: void`);
    const from = marks[0]?.args[0];
    if (role !== "migrate") return { ...method, role, callable };
    if (from === undefined || method.params.length > 0) {
      this.#at(method.place, "expected @migrate(1), say: the version it starts from, and no parameters");
    }
    return { ...method, role, callable, from: from ?? 0 };
  }

  #inits(methods: readonly AppMethod[]): void {
    const inits = methods.filter(({ role }) => role === "init");
    for (const { place } of inits.slice(1)) this.#at(place, "the state has one @init");
  }
}

export function decorated(model: { readonly decorators: readonly Decorator[] }, name: string): Decorator | undefined {
  return model.decorators.find((decorator) => decorator.name === name);
}

export function isPrivate(field: { readonly decorators: readonly Decorator[] }): boolean {
  return decorated(field, "private") !== undefined;
}
