/** The node's functions that every app may call, as they are: `env` of the host ABI. Buffers are descriptors, see buffer.ts. */

@external("env", "panic_utf8")
export declare function panic_utf8(message: u64, location: u64): void;
@external("env", "register_len")
export declare function register_len(register: u64): u64;
@external("env", "read_register")
export declare function read_register(register: u64, buffer: u64): i32;
@external("env", "context_id")
export declare function context_id(register: u64): void;
@external("env", "executor_id")
export declare function executor_id(register: u64): void;
@external("env", "input")
export declare function input(register: u64): void;
@external("env", "value_return")
export declare function value_return(value: u64): void;
@external("env", "log_utf8")
export declare function log_utf8(line: u64): void;
@external("env", "emit")
export declare function emit(event: u64): void;
@external("env", "emit_with_handler")
export declare function emit_with_handler(event: u64, handler: u64): void;
@external("env", "xcall")
export declare function xcall(call: u64): void;
@external("env", "private_storage_read")
export declare function private_storage_read(key: u64, register: u64): i32;
@external("env", "private_storage_write")
export declare function private_storage_write(key: u64, value: u64): i32;
@external("env", "private_storage_remove")
export declare function private_storage_remove(key: u64, register: u64): i32;
@external("env", "random_bytes")
export declare function random_bytes(buffer: u64): void;
@external("env", "time_now")
export declare function time_now(buffer: u64): void;
@external("env", "blob_create")
export declare function blob_create(): u64;
@external("env", "blob_write")
export declare function blob_write(blob: u64, bytes: u64): u64;
@external("env", "blob_close")
export declare function blob_close(blob: u64, id: u64): i32;
@external("env", "blob_open")
export declare function blob_open(id: u64): u64;
@external("env", "blob_read")
export declare function blob_read(blob: u64, buffer: u64): u64;
@external("env", "blob_announce_to_context")
export declare function blob_announce_to_context(id: u64, context: u64): i32;
@external("env", "persist_root_state")
export declare function persist_root_state(doc: u64, createdAt: u64, updatedAt: u64): void;
@external("env", "read_root_state")
export declare function read_root_state(register: u64): i32;
@external("env", "apply_storage_delta")
export declare function apply_storage_delta(delta: u64): void;
@external("env", "flush_delta")
export declare function flush_delta(): i32;
