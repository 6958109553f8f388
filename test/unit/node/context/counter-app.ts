/**
 * A counter as a module that speaks the host ABI itself, in WebAssembly text: small enough to see what each call does. Values
 * are 8 bytes little-endian; the root is the counter in 32 bytes, the artifact an empty list of actions.
 */
import { wat } from "../../../support/wat.ts";

const TEXT = `(module
  (import "env" "storage_read" (func $read (param i64 i64) (result i32)))
  (import "env" "storage_write" (func $write (param i64 i64 i64) (result i32)))
  (import "env" "private_storage_write" (func $write_private (param i64 i64) (result i32)))
  (import "env" "private_storage_read" (func $read_private (param i64 i64) (result i32)))
  (import "env" "read_register" (func $register (param i64 i64) (result i32)))
  (import "env" "register_len" (func $length (param i64) (result i64)))
  (import "env" "input" (func $input (param i64)))
  (import "env" "commit" (func $commit (param i64 i64)))
  (import "env" "emit" (func $emit (param i64)))
  (import "env" "xcall" (func $xcall (param i64)))
  (import "env" "value_return" (func $value_return (param i64)))
  (memory (export "memory") 1)
  ;; 0: key buffer, 16: value buffer, 32: root buffer, 48: artifact buffer, 64: event, 96: return ok, 120: return error, 144: xcall
  (data (i32.const 0) "\\00\\04\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 16) "\\10\\04\\00\\00\\00\\00\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 32) "\\10\\04\\00\\00\\00\\00\\00\\00\\20\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 48) "\\40\\04\\00\\00\\00\\00\\00\\00\\05\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 64) "\\50\\04\\00\\00\\00\\00\\00\\00\\05\\00\\00\\00\\00\\00\\00\\00\\10\\04\\00\\00\\00\\00\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 96) "\\00\\00\\00\\00\\00\\00\\00\\00\\10\\04\\00\\00\\00\\00\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 120) "\\01\\00\\00\\00\\00\\00\\00\\00\\10\\04\\00\\00\\00\\00\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 144) "\\00\\05\\00\\00\\00\\00\\00\\00\\20\\00\\00\\00\\00\\00\\00\\00\\60\\04\\00\\00\\00\\00\\00\\00\\03\\00\\00\\00\\00\\00\\00\\00\\50\\04\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 192) "\\00\\05\\00\\00\\00\\00\\00\\00\\20\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 1024) "n")
  (data (i32.const 1104) "added")
  (data (i32.const 1120) "add")
  (func $load (if (call $read (i64.const 0) (i64.const 7)) (then (drop (call $register (i64.const 7) (i64.const 16))))))
  (func $store (drop (call $write (i64.const 0) (i64.const 16) (i64.const 8))))
  (func $done (call $commit (i64.const 32) (i64.const 48)))
  (func $bump (i64.store (i32.const 1040) (i64.add (i64.load (i32.const 1040)) (i64.const 1))))
  (func (export "init") (call $bump) (call $store) (call $done))
  (func (export "add") (call $load) (call $bump) (call $store) (call $emit (i64.const 64)) (call $done)
    (call $value_return (i64.const 96)))
  (func (export "get") (call $load) (call $value_return (i64.const 96)))
  (func (export "refuse") (call $load) (call $bump) (call $store) (call $emit (i64.const 64)) (call $done)
    (call $value_return (i64.const 120)))
  (func (export "trap") (call $load) (call $bump) (call $store) (call $emit (i64.const 64)) (call $done) unreachable)
  (func (export "forget_commit") (call $load) (call $bump) (call $store))
  (func (export "spin") (loop $again (br $again)))
  (func (export "note") (call $load) (call $bump) (drop (call $write_private (i64.const 0) (i64.const 16))) (call $store) (call $done))
  (func (export "read_note") (if (call $read_private (i64.const 0) (i64.const 7)) (then (drop (call $register (i64.const 7) (i64.const 16)))))
    (call $value_return (i64.const 96)))
  (func (export "call_other") (call $load) (call $bump) (call $store)
    (call $input (i64.const 3)) (drop (call $register (i64.const 3) (i64.const 192)))
    (call $xcall (i64.const 144)) (call $done))
  (func (export "migrate") (call $load) (i64.store (i32.const 1040) (i64.add (i64.load (i32.const 1040)) (i64.const 1000)))
    (call $store) (call $done))
  (func (export "migrate_badly") (call $load) (call $bump) (call $store) (call $done) unreachable)
)`;

/** `name` makes another module of the same code; `step` is how much it adds. */
export const counterApp = (name = "", step = 1): Promise<Uint8Array> =>
  wat(
    TEXT.replace("(memory", `(global (export "v${name}") i32 (i32.const 1))\n  (memory`).replace(
      "(func $bump (i64.store (i32.const 1040) (i64.add (i64.load (i32.const 1040)) (i64.const 1))))",
      `(func $bump (i64.store (i32.const 1040) (i64.add (i64.load (i32.const 1040)) (i64.const ${step}))))`,
    ),
  );

export const countOf = (bytes: Uint8Array | undefined): number =>
  bytes === undefined ? Number.NaN : Number(Buffer.from(bytes).readBigUInt64LE());
