/** Types as the ABI spells them, and which types an app's author may use where. */
import type { TypeRef } from "./model.ts";

export type AbiType =
  | { readonly kind: "unit" | "bool" | "string" | "bytes" | Scalar; readonly crdt_type?: string }
  | { readonly kind: "option"; readonly inner: AbiType }
  | { readonly kind: "list"; readonly items: AbiType; readonly crdt_type?: string }
  | { readonly kind: "map"; readonly key: AbiType; readonly value: AbiType; readonly crdt_type?: string }
  | { readonly kind: "record"; readonly crdt_type: string; readonly inner_type: AbiType }
  | { readonly $ref: string };

type Scalar = "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "f32" | "f64";

const SCALARS: readonly string[] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64"];
const STRING: AbiType = { kind: "string" };

/** What is wrong with a type, for its place in the source. */
export interface Misfit {
  readonly type: TypeRef;
  readonly message: string;
}

/** Reads types against the classes that an app marks @json or @event; what does not fit goes to `misfits`. */
export class AbiTypes {
  readonly misfits: Misfit[] = [];
  readonly #classes: ReadonlySet<string>;

  constructor(classes: Iterable<string>) {
    this.#classes = new Set(classes);
  }

  /** A type of arguments, results, events and stored values. */
  value(type: TypeRef): AbiType {
    const plain = this.#plain(type);
    if (!type.nullable) return plain;
    if (SCALARS.includes(type.name) || type.name === "bool") return this.#misfit(type, `${type.name} cannot be null`);
    return { kind: "option", inner: plain };
  }

  #plain(type: TypeRef): AbiType {
    if (SCALARS.includes(type.name)) return { kind: type.name as Scalar };
    if (type.name === "bool" || type.name === "boolean") return { kind: "bool" };
    if (type.name === "string") return STRING;
    if (type.name === "void") return { kind: "unit" };
    if (type.name === "Uint8Array") return { kind: "bytes" };
    const [argument] = type.args;
    if (type.name === "Array" && argument !== undefined) return { kind: "list", items: this.value(argument) };
    if (type.name === "Dictionary" && argument !== undefined) {
      return { kind: "map", key: STRING, value: this.value(argument) };
    }
    if (this.#classes.has(type.name)) return { $ref: type.name };
    return this.#misfit(type, unfit(type));
  }

  /** A type of the state's fields. */
  field(type: TypeRef, isPrivate: boolean): AbiType {
    if (isPrivate && type.name !== "Map" && type.name !== "Register") {
      return this.#misfit(type, "a @private field is a Register or a Map");
    }
    const shape = COLLECTIONS[type.name];
    if (shape === undefined || type.nullable) {
      const hint =
        SCALARS.includes(type.name) || type.name === "string" ? `: Register<${type.text}> holds one value` : "";
      return this.#misfit(type, `${type.text} is no collection, so replicas could not merge it${hint}`);
    }
    if (type.args.length !== shape.args) {
      return this.#misfit(type, `${type.name} takes ${shape.args} type argument${shape.args === 1 ? "" : "s"}`);
    }
    const [first, second] = type.args;
    return shape.make(this, first ?? type, second ?? type);
  }

  /** A map's values, which may be collections themselves. */
  held(type: TypeRef): AbiType {
    return COLLECTIONS[type.name] === undefined ? this.value(type) : this.field(type, false);
  }

  /** A map's keys: what is told apart by its bytes. */
  key(type: TypeRef): AbiType {
    const found = this.value(type);
    if (type.nullable || "$ref" in found || (found.kind !== "string" && !/^[ui]\d+$/.test(found.kind))) {
      return this.#misfit(type, `${type.text} is no key: expected string or an integer`);
    }
    return found;
  }

  #misfit(type: TypeRef, message: string): AbiType {
    this.misfits.push({ type, message });
    return { kind: "unit" };
  }
}

interface Shape {
  readonly args: number;
  make(types: AbiTypes, first: TypeRef, second: TypeRef): AbiType;
}

const mapLike = (crdt: string, nests: boolean): Shape => ({
  args: 2,
  make: (types, key, value) => ({
    kind: "map",
    key: types.key(key),
    value: nests ? types.held(value) : types.value(value),
    crdt_type: crdt,
  }),
});

const listLike = (crdt: string): Shape => ({
  args: 1,
  make: (types, item) => ({ kind: "list", items: types.value(item), crdt_type: crdt }),
});

/** The collections of the library by name; the build makes one field of each. */
const COLLECTIONS: Readonly<Record<string, Shape | undefined>> = Object.assign(
  Object.create(null) as Record<string, Shape | undefined>,
  {
    Map: mapLike("unordered_map", true),
    AuthoredMap: mapLike("authored_map", false),
    Set: listLike("unordered_set"),
    Vector: listLike("vector"),
    Register: {
      args: 1,
      make: (types, value) => ({ kind: "record", crdt_type: "lww_register", inner_type: types.value(value) }),
    },
    Counter: { args: 0, make: () => ({ kind: "u64", crdt_type: "g_counter" }) },
    PnCounter: { args: 0, make: () => ({ kind: "i64", crdt_type: "pn_counter" }) },
    Text: { args: 0, make: () => ({ kind: "string", crdt_type: "replicated_growable_array" }) },
    UserStorage: {
      args: 1,
      make: (types, value) => ({ kind: "map", key: STRING, value: types.value(value), crdt_type: "user_storage" }),
    },
    FrozenStorage: {
      args: 1,
      make: (types, value) => ({ kind: "map", key: STRING, value: types.value(value), crdt_type: "frozen_storage" }),
    },
  } satisfies Record<string, Shape>,
);

function unfit(type: TypeRef): string {
  if (COLLECTIONS[type.name] !== undefined) {
    return `${type.text} is a collection of the state and does not travel as JSON: return what is in it`;
  }
  if (type.name === "number") return "number is no type of AssemblyScript: say i32, u64, f64, ...";
  if (["usize", "isize", "v128", "any", "object", "?"].includes(type.name))
    return `${type.text || "this"} does not travel as JSON`;
  return `${type.name} does not travel as JSON: mark its class with @json`;
}
