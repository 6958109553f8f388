/** Registers, input and output, storage, events, chance. */
import { bytesOf } from "@shoal/node/model/ids.ts";
import { keyPairOf, sign } from "@shoal/node/model/keys.ts";
import { CONTEXT, DEVICE, EXECUTOR, NOW_NS, ORIGIN } from "../stage.ts";
import { type Cases, u64 } from "./case.ts";

const ROOT = new Uint8Array(32).fill(9);
const COMMIT = (layout: { buffer(content: string | Uint8Array): { address: number } }) =>
  ["commit", layout.buffer(ROOT), layout.buffer("artifact")] as const;

export const hostCases: Cases = {
  panic: { steps: (at) => [["panic", at.location("src/lib.rs", 3, 14)]], ends: "HostError.Panic" },
  panic_utf8: {
    steps: (at) => [["panic_utf8", at.buffer("ünhappy"), at.location("src/lib.rs", 3, 14)]],
    ends: "HostError.Panic",
  },
  register_len: {
    steps: () => [
      ["register_len", 1],
      ["input", 1],
      ["register_len", 1],
    ],
    tells: [[-1], [0, "five!"], [5, "five!"]],
    request: { input: Buffer.from("five!") },
  },
  read_register: {
    steps: (at) => {
      const [short, exact] = [at.room(4), at.room(5)];
      return [
        ["input", 1],
        ["read_register", 1, short],
        ["read_register", 1, exact],
        ["storage_write", exact, short, 1],
        ["storage_read", exact, 1],
      ];
    },
    // The short one was left as it was, and the exact one holds the input: it is the key under which four zeros are found.
    tells: [[0, "five!"], [0], [1], [0], [1, new Uint8Array(4)]],
    request: { input: Buffer.from("five!") },
  },
  context_id: { steps: () => [["context_id", 1]], tells: [[0, CONTEXT]] },
  executor_id: { steps: () => [["executor_id", 1]], tells: [[0, EXECUTOR]] },
  account_id: { steps: () => [["account_id", 1]], tells: [[0, EXECUTOR]] },
  device_id: { steps: () => [["device_id", 1]], tells: [[0, DEVICE]] },
  xcall_origin: {
    steps: () => [["xcall_origin", 1]],
    tells: [[1, ORIGIN]],
    request: { xcallOrigin: ORIGIN },
  },
  input: { steps: () => [["input", 1]], tells: [[0, ""]] },
  value_return: {
    // The script's own result, set later, is the one that counts.
    steps: (at) => [["value_return", at.result(0, "first")]],
    tells: [[0]],
  },
  log_utf8: { steps: (at) => [["log_utf8", at.buffer("línea")]], tells: [[0]] },
  js_std_d_print: {
    steps: (at) => [["js_std_d_print", 0, at.raw(Uint8Array.of(0x6f, 0x6b, 0xff)), 3]],
    tells: [[0]],
  },
  emit: { steps: (at) => [["emit", at.event("Added", "data")]], tells: [[0]] },
  emit_with_handler: {
    steps: (at) => [
      ["emit_with_handler", at.event("Added", "data"), at.buffer("on_added")],
      ["emit_with_handler", at.event("Plain", ""), 0],
    ],
    tells: [[0], [0]],
  },
  xcall: { steps: (at) => [["xcall", at.xcall(ORIGIN, "method", "{}")]], tells: [[0]] },
  commit: { steps: (at) => [COMMIT(at)], tells: [[0]] },
  emit_migration_witness: { steps: (at) => [["emit_migration_witness", at.buffer("witness")]], tells: [[0]] },
  fetch: {
    steps: (at) => [["fetch", at.buffer("http://x"), at.buffer("GET"), at.buffer(""), at.buffer(""), 1]],
    tells: [[1, "this host function is disabled: fetch"]],
  },
  storage_read: {
    before: (at) => [["storage_write", at.buffer("key"), at.buffer("value"), 2], COMMIT(at)],
    steps: (at) => [
      ["storage_read", at.buffer("none"), 1],
      ["storage_read", at.buffer("key"), 1],
    ],
    tells: [[0], [1, "value"]],
  },
  storage_write: {
    before: (at) => [["storage_write", at.buffer("key"), at.buffer("old"), 2], COMMIT(at)],
    steps: (at) => [
      ["storage_write", at.buffer("key"), at.buffer("new"), 1],
      ["storage_write", at.buffer("other"), at.buffer(""), 1],
      ["storage_read", at.buffer("key"), 1],
      ["storage_read", at.buffer("other"), 1],
    ],
    tells: [
      [1, "old"],
      [0, "old"],
      [1, "new"],
      [1, ""],
    ],
  },
  storage_remove: {
    before: (at) => [["storage_write", at.buffer("key"), at.buffer("old"), 2], COMMIT(at)],
    steps: (at) => [
      ["storage_remove", at.buffer("key"), 1],
      ["storage_remove", at.buffer("key"), 1],
      ["storage_read", at.buffer("key"), 1],
    ],
    tells: [[1, "old"], [0], [0]],
  },
  private_storage_read: {
    before: (at) => [["private_storage_write", at.buffer("key"), at.buffer("mine")], COMMIT(at)],
    steps: (at) => [
      ["private_storage_read", at.buffer("key"), 1],
      ["storage_read", at.buffer("key"), 1],
    ],
    tells: [[1, "mine"], [0]],
  },
  private_storage_write: {
    steps: (at) => [
      ["private_storage_write", at.buffer("key"), at.buffer("mine")],
      ["private_storage_read", at.buffer("key"), 1],
    ],
    tells: [[1], [1, "mine"]],
  },
  private_storage_remove: {
    before: (at) => [["private_storage_write", at.buffer("key"), at.buffer("mine")], COMMIT(at)],
    steps: (at) => [
      ["private_storage_remove", at.buffer("key"), 1],
      ["private_storage_remove", at.buffer("key"), 1],
    ],
    tells: [[1, "mine"], [0]],
  },
  random_bytes: {
    steps: (at) => {
      const [one, two] = [at.room(16), at.room(16)];
      return [
        ["random_bytes", one],
        ["random_bytes", two],
        // Neither is the zeros it was, nor the other: each is a key that was not there before.
        ["storage_write", at.buffer(new Uint8Array(16)), at.buffer(""), 1],
        ["storage_write", one, at.buffer(""), 1],
        ["storage_write", two, at.buffer(""), 1],
      ];
    },
    tells: [[0], [0], [0], [0], [0]],
  },
  time_now: {
    steps: (at) => {
      const [one, two] = [at.room(8), at.room(8)];
      return [
        ["time_now", one],
        ["time_now", two],
        ["storage_write", at.buffer("t"), one, 1],
        ["storage_write", at.buffer("t"), two, 1],
        ["storage_read", at.buffer("t"), 1],
      ];
    },
    tells: [[0], [0], [0], [1, u64(NOW_NS)], [1, u64(NOW_NS + 1n)]],
  },
  ed25519_verify: {
    steps: (at) => {
      const { publicKey, secret } = keyPairOf(new Uint8Array(32).fill(7), "secret");
      const [key, signature] = [bytesOf(publicKey), sign(secret, Buffer.from("signed"))];
      return [
        ["ed25519_verify", at.buffer(signature), at.buffer(key), at.buffer("signed")],
        ["ed25519_verify", at.buffer(signature), at.buffer(key), at.buffer("forged")],
      ];
    },
    tells: [[1], [0]],
  },
};
