/** What compiled apps of the Rust library import and export, with the types that their compiler gave it. */
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { expect, test } from "vitest";
import { wat } from "../../../support/wat.ts";
import { openStage, requestOf, endOf } from "../runtime/stage.ts";

/** Every parameter is an i64; how many there are, and the type of the result. */
type Import = readonly [name: string, params: number, result?: "i32" | "i64"];

/** A store of keys and values imports these whichever build it was made with. */
const STORE: readonly Import[] = [
  ["value_return", 1],
  ["emit", 1],
  ["input", 1],
  ["register_len", 1, "i64"],
  ["read_register", 2, "i32"],
  ["panic_utf8", 2],
  ["context_id", 1],
  ["executor_id", 1],
  ["commit", 2],
  ["storage_read", 2, "i32"],
  ["storage_write", 3, "i32"],
  ["storage_remove", 2, "i32"],
  ["random_bytes", 1],
  ["time_now", 1],
  ["ed25519_verify", 3, "i32"],
];

/** An app of the third generation that uses all there is. */
const EVERYTHING: readonly Import[] = [
  ...STORE,
  ["log_utf8", 1],
  ["emit_with_handler", 2],
  ["private_storage_read", 2, "i32"],
  ["private_storage_write", 2, "i32"],
  ["xcall", 1],
  ["xcall_origin", 1, "i32"],
  ["blob_create", 0, "i64"],
  ["blob_open", 1, "i64"],
  ["blob_read", 2, "i64"],
  ["blob_write", 2, "i64"],
  ["blob_close", 2, "i32"],
  ["storage_index_scan", 5, "i32"],
  ["storage_index_set", 2, "i32"],
  ["storage_index_remove", 1, "i32"],
  ["emit_migration_witness", 1],
];

function importText([name, params, result]: Import): string {
  const types = [...Array<string>(params).fill("(param i64)"), ...(result === undefined ? [] : [`(result ${result})`])];
  return `(import "env" "${name}" (func ${types.join(" ")}))`;
}

const HOOKS = ["__calimero_register_merge", "__calimero_sync_next"];

/** As the linker leaves it: hooks beside methods, two globals for its own ends, and a memory without an end. */
const appOf = (imports: readonly Import[], hooks: readonly string[]): Promise<Uint8Array> =>
  wat(`(module
    ${imports.map(importText).join("\n")}
    (memory (export "memory") 17)
    (global (export "__data_end") i32 (i32.const 1048576))
    (global (export "__heap_base") i32 (i32.const 1048576))
    ${[...hooks, "init", "get"].map((name) => `(func (export "${name}"))`).join("\n")})`);

test.each([
  ["of the second generation", STORE, HOOKS, "G2"],
  ["that merges its root", STORE, [...HOOKS, "__calimero_merge_root_state"], "G3"],
  ["that uses everything", EVERYTHING, HOOKS, "G3"],
] as const)("an app %s links and runs", async (_, imports, hooks, generation) => {
  const { maxModuleBytes, maxMemoryPages } = DEFAULT_LIMITS;
  const module = prepareModule(await appOf(imports, hooks), { maxModuleBytes, maxMemoryPages });
  // Hooks are the node's to call.
  expect(module).toMatchObject({ generation, profile: "rust", methods: ["get", "init"], readOnly: [] });
  const stage = await openStage();
  try {
    const installed = await stage.install(module.bytes);
    for (const method of ["init", "get", ...hooks]) expect(endOf(stage.run(requestOf(installed, method)))).toBe("ok");
  } finally {
    await stage.close();
  }
});
