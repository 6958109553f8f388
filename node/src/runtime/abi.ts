/**
 * The functions that a guest may import from `env`, as data: a module is checked against this table when it is installed,
 * and the host binds its functions from it. Names, types and the generation that brought each come from Calimero's host ABI;
 * pointers, lengths, ids and register numbers are i64, flags and results are i32.
 */

export type AbiType = "i32" | "i64";

/** The generation of upstream's node that first had a function. G4 names link and trap: this node does not serve them. */
export type Since = "G1" | "G2" | "G3" | "G4";

export interface ImportSignature {
  readonly params: readonly AbiType[];
  readonly result?: AbiType;
  readonly since: Since;
}

type Row = readonly [name: string, params: string, result?: AbiType];

/** Parameters are spelled one letter each: `l` for i64 (long), `i` for i32. */
const G1: readonly Row[] = [
  ["send_proposal", "ll"],
  ["approve_proposal", "l"],
];

const G2: readonly Row[] = [
  ["panic", "l"],
  ["panic_utf8", "ll"],
  ["register_len", "l", "i64"],
  ["read_register", "ll", "i32"],
  ["context_id", "l"],
  ["executor_id", "l"],
  ["input", "l"],
  ["value_return", "l"],
  ["log_utf8", "l"],
  ["js_std_d_print", "lll", "i32"],
  ["emit", "l"],
  ["emit_with_handler", "ll"],
  ["xcall", "l"],
  ["commit", "ll"],
  ["storage_read", "ll", "i32"],
  ["storage_write", "lll", "i32"],
  ["storage_remove", "ll", "i32"],
  ["private_storage_read", "ll", "i32"],
  ["private_storage_write", "ll", "i32"],
  ["private_storage_remove", "ll", "i32"],
  ["random_bytes", "l"],
  ["time_now", "l"],
  ["ed25519_verify", "lll", "i32"],
  ["fetch", "lllll", "i32"],
  ["blob_create", "", "i64"],
  ["blob_write", "ll", "i64"],
  ["blob_close", "ll", "i32"],
  ["blob_open", "l", "i64"],
  ["blob_read", "ll", "i64"],
  ["blob_announce_to_context", "ll", "i32"],
  ["persist_root_state", "lll"],
  ["read_root_state", "l", "i32"],
  ["apply_storage_delta", "l"],
  ["flush_delta", "", "i32"],
];

const G3: readonly Row[] = [
  ["account_id", "l"],
  ["device_id", "l"],
  ["xcall_origin", "l", "i32"],
  ["storage_index_set", "ll", "i32"],
  ["storage_index_remove", "l", "i32"],
  ["storage_index_remove_prefix", "l", "i32"],
  ["storage_index_scan", "lllll", "i32"],
  ["storage_index_last", "lll", "i32"],
  ["storage_index_meta_set", "ll", "i32"],
  ["storage_index_meta_get", "ll", "i32"],
  ["storage_index_meta_clear", "l", "i32"],
  ["emit_migration_witness", "l"],
  ["register_js_sdk_root_merge", ""],
];

const G4: readonly Row[] = [
  ["blob_open_in_context", "ll", "i64"],
  ["search_query", "ll", "i32"],
  ["tee_origin", "", "i32"],
  ["tee_random_bytes", "l"],
  ["tee_authority_keys", "l"],
  ["account_device_keys", "ll", "i32"],
  ["seal_to", "lll", "i32"],
  ["open_sealed", "ll", "i32"],
];

/** Calls of one kind of collection: name after the prefix, and parameters. All of them answer an i32. */
type Calls = Readonly<Record<string, string>>;

const MAP: Calls = { new: "l", get: "lll", insert: "llll", remove: "lll", contains: "ll", iter: "ll" };
const SET: Calls = { new: "l", insert: "ll", contains: "ll", remove: "ll", len: "ll", iter: "ll", clear: "l" };
const COUNTER: Calls = { new: "l", increment: "l", value: "ll", get_executor_count: "llil" };
const WITH_ID: Calls = { new_with_id: "ll" };

const COLLECTIONS_G2: Readonly<Record<string, Calls>> = {
  js_crdt_map_: MAP,
  js_crdt_vector_: { new: "l", len: "ll", push: "ll", get: "lll", pop: "ll" },
  js_crdt_set_: SET,
  js_crdt_lww_: { new: "l", set: "lli", get: "ll", timestamp: "ll" },
  js_crdt_counter_: COUNTER,
  js_user_storage_: {
    new: "l",
    insert: "lll",
    get: "ll",
    get_for_user: "lll",
    remove: "ll",
    contains: "l",
    contains_user: "ll",
  },
  js_frozen_storage_: { new: "l", add: "lll", get: "lll", contains: "ll" },
};

const COLLECTIONS_G3: Readonly<Record<string, Calls>> = {
  ...Object.fromEntries(Object.keys(COLLECTIONS_G2).map((prefix) => [prefix, WITH_ID])),
  js_crdt_pncounter_: { ...COUNTER, ...WITH_ID, decrement: "l" },
  js_crdt_rga_: { ...WITH_ID, new: "l", insert: "lll", delete: "ll", get_text: "ll", len: "ll" },
  js_crdt_sortedmap_: { ...MAP, ...WITH_ID },
  js_crdt_sortedset_: { ...SET, ...WITH_ID },
  js_crdt_authored_map_: { ...MAP, ...WITH_ID, update: "llll", owner_of: "lll", owned_by_me: "ll", len: "ll" },
  js_crdt_authored_vector_: {
    ...WITH_ID,
    new: "l",
    push: "lll",
    update: "llll",
    tombstone: "lll",
    get: "lll",
    owner_of: "lll",
    owned_by_me: "ll",
    iter: "ll",
    len: "ll",
  },
  js_crdt_shared_: {
    new: "lil",
    new_with_id: "llil",
    set: "ll",
    get: "ll",
    writers: "ll",
    writable_by_me: "l",
    is_frozen: "l",
    rotate_writers: "ll",
  },
  js_crdt_: { delete_collection: "ll" },
};

function rowsOf(collections: Readonly<Record<string, Calls>>): readonly Row[] {
  return Object.entries(collections).flatMap(([prefix, calls]) =>
    Object.entries(calls).map(([call, params]): Row => [prefix + call, params, "i32"]),
  );
}

function tableOf(rows: Readonly<Record<Since, readonly Row[]>>): Readonly<Record<string, ImportSignature>> {
  const entries = Object.entries(rows).flatMap(([since, of]) =>
    of.map(([name, letters, result]): [string, ImportSignature] => {
      const params = Array.from(letters, (letter): AbiType => (letter === "i" ? "i32" : "i64"));
      return [name, { params, ...(result === undefined ? {} : { result }), since: since as Since }];
    }),
  );
  // Without a prototype: a guest that imports `constructor` must not find one.
  return Object.assign(Object.create(null) as Record<string, ImportSignature>, Object.fromEntries(entries));
}

/** Every function whose types are known, by name. Any other name of `env` links to a stub that traps with that name. */
export const IMPORTS: Readonly<Record<string, ImportSignature>> = tableOf({
  G1,
  G2: [...G2, ...rowsOf(COLLECTIONS_G2)],
  G3: [...G3, ...rowsOf(COLLECTIONS_G3)],
  G4,
});

/** Names of G1 that link with any types: nothing is known about their types, and every call of them traps. */
export const G1_CONTEXT_CALLS: readonly string[] = [
  "context_create",
  "context_delete",
  "context_add_member",
  "context_remove_member",
  "context_is_member",
  "context_members",
  "context_resolve_alias",
];
