/** The `calimero_abi_v1` section: what the module exports, in the words of `wasm-abi/1`. */
import type { AbiType } from "./abi-type.ts";
import { type AppMethod, type AppModel, isPrivate } from "./app-model.ts";
import type { ClassModel } from "./model.ts";

/** Name of the custom section that nodes look for. */
export const ABI_SECTION = "calimero_abi_v1";

interface AbiField {
  readonly name: string;
  readonly type: AbiType;
}

export interface Abi {
  readonly schema_version: "wasm-abi/1";
  readonly types: Readonly<Record<string, { readonly kind: "record"; readonly fields: readonly AbiField[] }>>;
  readonly methods: readonly {
    readonly name: string;
    readonly params: readonly AbiField[];
    readonly returns: AbiType;
    readonly read_only: boolean;
    readonly intent: "view" | "mutate";
    /** Whether other contexts may call it; nodes take a method that says nothing for one that they may. */
    readonly xcall_callable: boolean;
  }[];
  readonly events: readonly { readonly name: string; readonly payload: AbiType }[];
  readonly state_root: string;
  readonly state_version: number;
  readonly migrations: readonly { readonly from: number; readonly to: number; readonly method: string }[];
}

export function abiOf(app: AppModel): Abi {
  const record = (model: ClassModel, typeOf: (field: ClassModel["fields"][number]) => AbiType) => ({
    kind: "record" as const,
    fields: model.fields
      .filter((field) => !field.isStatic && !isPrivate(field))
      .map((field) => ({ name: field.name, type: typeOf(field) })),
  });
  const types = [...app.values, ...app.events].map((model) => [
    model.name,
    record(model, (field) => app.types.value(field.type)),
  ]);
  const state = [app.state.name, record(app.state, (field) => app.types.field(field.type, false))];
  const init: AppMethod[] = app.methods.filter(({ role }) => role === "init");
  const methods = app.methods.map((method) => methodOf(app, method));
  return {
    schema_version: "wasm-abi/1",
    types: Object.fromEntries([...types, state]) as Abi["types"],
    methods: init.length > 0 ? methods : [IMPLICIT_INIT, ...methods],
    events: app.events.map(({ name }) => ({ name, payload: { $ref: name } })),
    state_root: app.state.name,
    state_version: app.version,
    migrations: app.methods
      .filter(({ role }) => role === "migrate")
      .map(({ name, from = 0 }) => ({ from, to: app.version, method: name })),
  };
}

const IMPLICIT_INIT: Abi["methods"][number] = {
  name: "init",
  params: [],
  returns: { kind: "unit" },
  read_only: false,
  intent: "mutate",
  xcall_callable: false,
};

function methodOf(app: AppModel, { name, params, returns, role, callable }: AppMethod): Abi["methods"][number] {
  return {
    name,
    params: params.map((param) => ({ name: param.name, type: app.types.value(param.type) })),
    returns: app.types.value(returns),
    read_only: role === "view",
    intent: role === "view" ? "view" : "mutate",
    xcall_callable: callable,
  };
}
