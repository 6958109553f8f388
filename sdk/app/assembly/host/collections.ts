/**
 * The node's collections, as they are: `js_*` of the host ABI. Each answers 1 (a value is in the register, or something
 * changed), 0 (nothing), or -1 (the register, where there is one, tells why).
 */

@external("env", "js_crdt_map_new_with_id")
export declare function js_crdt_map_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_map_get")
export declare function js_crdt_map_get(id: u64, key: u64, register: u64): i32;
@external("env", "js_crdt_map_insert")
export declare function js_crdt_map_insert(id: u64, key: u64, value: u64, register: u64): i32;
@external("env", "js_crdt_map_remove")
export declare function js_crdt_map_remove(id: u64, key: u64, register: u64): i32;
@external("env", "js_crdt_map_contains")
export declare function js_crdt_map_contains(id: u64, key: u64): i32;
@external("env", "js_crdt_map_iter")
export declare function js_crdt_map_iter(id: u64, register: u64): i32;

@external("env", "js_crdt_authored_map_new_with_id")
export declare function js_crdt_authored_map_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_get")
export declare function js_crdt_authored_map_get(id: u64, key: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_insert")
export declare function js_crdt_authored_map_insert(id: u64, key: u64, value: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_remove")
export declare function js_crdt_authored_map_remove(id: u64, key: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_contains")
export declare function js_crdt_authored_map_contains(id: u64, key: u64): i32;
@external("env", "js_crdt_authored_map_iter")
export declare function js_crdt_authored_map_iter(id: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_update")
export declare function js_crdt_authored_map_update(id: u64, key: u64, value: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_owner_of")
export declare function js_crdt_authored_map_owner_of(id: u64, key: u64, register: u64): i32;
@external("env", "js_crdt_authored_map_owned_by_me")
export declare function js_crdt_authored_map_owned_by_me(id: u64, key: u64): i32;
@external("env", "js_crdt_authored_map_len")
export declare function js_crdt_authored_map_len(id: u64, register: u64): i32;

@external("env", "js_crdt_set_new_with_id")
export declare function js_crdt_set_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_set_insert")
export declare function js_crdt_set_insert(id: u64, value: u64): i32;
@external("env", "js_crdt_set_contains")
export declare function js_crdt_set_contains(id: u64, value: u64): i32;
@external("env", "js_crdt_set_remove")
export declare function js_crdt_set_remove(id: u64, value: u64): i32;
@external("env", "js_crdt_set_len")
export declare function js_crdt_set_len(id: u64, register: u64): i32;
@external("env", "js_crdt_set_iter")
export declare function js_crdt_set_iter(id: u64, register: u64): i32;
@external("env", "js_crdt_set_clear")
export declare function js_crdt_set_clear(id: u64): i32;

@external("env", "js_crdt_vector_new_with_id")
export declare function js_crdt_vector_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_vector_len")
export declare function js_crdt_vector_len(id: u64, register: u64): i32;
@external("env", "js_crdt_vector_push")
export declare function js_crdt_vector_push(id: u64, value: u64): i32;
@external("env", "js_crdt_vector_get")
export declare function js_crdt_vector_get(id: u64, index: u64, register: u64): i32;
@external("env", "js_crdt_vector_pop")
export declare function js_crdt_vector_pop(id: u64, register: u64): i32;

@external("env", "js_crdt_lww_new_with_id")
export declare function js_crdt_lww_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_lww_set")
export declare function js_crdt_lww_set(id: u64, value: u64, hasValue: i32): i32;
@external("env", "js_crdt_lww_get")
export declare function js_crdt_lww_get(id: u64, register: u64): i32;

@external("env", "js_crdt_counter_new_with_id")
export declare function js_crdt_counter_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_counter_increment")
export declare function js_crdt_counter_increment(id: u64): i32;
@external("env", "js_crdt_counter_value")
export declare function js_crdt_counter_value(id: u64, register: u64): i32;
@external("env", "js_crdt_counter_get_executor_count")
export declare function js_crdt_counter_get_executor_count(id: u64, executor: u64, hasExecutor: i32, register: u64): i32;

@external("env", "js_crdt_pncounter_new_with_id")
export declare function js_crdt_pncounter_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_pncounter_increment")
export declare function js_crdt_pncounter_increment(id: u64): i32;
@external("env", "js_crdt_pncounter_decrement")
export declare function js_crdt_pncounter_decrement(id: u64): i32;
@external("env", "js_crdt_pncounter_value")
export declare function js_crdt_pncounter_value(id: u64, register: u64): i32;

@external("env", "js_crdt_rga_new_with_id")
export declare function js_crdt_rga_new_with_id(id: u64, register: u64): i32;
@external("env", "js_crdt_rga_insert")
export declare function js_crdt_rga_insert(id: u64, index: u64, text: u64): i32;
@external("env", "js_crdt_rga_delete")
export declare function js_crdt_rga_delete(id: u64, index: u64): i32;
@external("env", "js_crdt_rga_get_text")
export declare function js_crdt_rga_get_text(id: u64, register: u64): i32;
@external("env", "js_crdt_rga_len")
export declare function js_crdt_rga_len(id: u64, register: u64): i32;

@external("env", "js_user_storage_new_with_id")
export declare function js_user_storage_new_with_id(id: u64, register: u64): i32;
@external("env", "js_user_storage_insert")
export declare function js_user_storage_insert(id: u64, value: u64, register: u64): i32;
@external("env", "js_user_storage_get")
export declare function js_user_storage_get(id: u64, register: u64): i32;
@external("env", "js_user_storage_get_for_user")
export declare function js_user_storage_get_for_user(id: u64, user: u64, register: u64): i32;
@external("env", "js_user_storage_remove")
export declare function js_user_storage_remove(id: u64, register: u64): i32;
@external("env", "js_user_storage_contains")
export declare function js_user_storage_contains(id: u64): i32;
@external("env", "js_user_storage_contains_user")
export declare function js_user_storage_contains_user(id: u64, user: u64): i32;

@external("env", "js_frozen_storage_new_with_id")
export declare function js_frozen_storage_new_with_id(id: u64, register: u64): i32;
@external("env", "js_frozen_storage_add")
export declare function js_frozen_storage_add(id: u64, value: u64, register: u64): i32;
@external("env", "js_frozen_storage_get")
export declare function js_frozen_storage_get(id: u64, hash: u64, register: u64): i32;
@external("env", "js_frozen_storage_contains")
export declare function js_frozen_storage_contains(id: u64, hash: u64): i32;

@external("env", "js_crdt_delete_collection")
export declare function js_crdt_delete_collection(id: u64, register: u64): i32;
