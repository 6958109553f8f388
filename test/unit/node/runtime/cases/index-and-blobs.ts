/** The ordered index, and blobs. */
import { sha256 } from "@shoal/node/model/sha256.ts";
import { CONTEXT } from "../stage.ts";
import { type Cases, listOf } from "./case.ts";
import type { Layout, Step } from "../guest.ts";

const set = (at: Layout, key: string, value: string): Step => ["storage_index_set", at.buffer(key), at.buffer(value)];
const three = (at: Layout): Step[] => [set(at, "b", "2"), set(at, "a", "1"), set(at, "c", "3")];
const commit = (at: Layout): Step => ["commit", at.buffer(new Uint8Array(32)), at.buffer("")];
const scan = (at: Layout, lo: string, hi: string, offset: number, limit: number): Step => [
  "storage_index_scan",
  at.buffer(lo),
  at.buffer(hi),
  offset,
  limit,
  1,
];

/** A blob of one chunk is known by the hash of its chunk's hash. */
const HELLO = sha256(sha256(Buffer.from("hello")));

const write = (at: Layout): Step[] => [
  ["blob_create"],
  ["blob_write", 1, at.buffer("hel")],
  ["blob_write", 1, at.buffer("lo")],
  ["blob_close", 1, at.room(32)],
];

export const indexAndBlobCases: Cases = {
  storage_index_set: {
    steps: (at) => [set(at, "a", "1"), set(at, "a", "2"), scan(at, "", "", 0, 0)],
    tells: [[1], [1], [1, listOf(1, "a", "2")]],
  },
  storage_index_remove: {
    before: (at) => [...three(at), commit(at)],
    steps: (at) => [
      ["storage_index_remove", at.buffer("b")],
      ["storage_index_remove", at.buffer("none")],
      scan(at, "", "", 0, 0),
    ],
    tells: [[1], [1], [1, listOf(2, "a", "1", "c", "3")]],
  },
  storage_index_remove_prefix: {
    steps: (at) => [
      set(at, "aa", "1"),
      set(at, "ab", "2"),
      set(at, "b", "3"),
      ["storage_index_remove_prefix", at.buffer("a")],
      scan(at, "", "", 0, 0),
    ],
    tells: [[1], [1], [1], [1], [1, listOf(1, "b", "3")]],
  },
  storage_index_scan: {
    before: (at) => [...three(at), commit(at)],
    steps: (at) => [
      scan(at, "", "", 0, 0),
      scan(at, "b", "c", 0, 0),
      scan(at, "", "", 1, 2),
      scan(at, "", "", 0, 1),
      scan(at, "d", "", 0, 0),
    ],
    tells: [
      [1, listOf(3, "a", "1", "b", "2", "c", "3")],
      [1, listOf(1, "b", "2")],
      [1, listOf(1, "b", "2")],
      [1, listOf(0)],
      [1, listOf(0)],
    ],
  },
  storage_index_last: {
    before: (at) => [...three(at), commit(at)],
    steps: (at) => [
      ["storage_index_last", at.buffer(""), at.buffer(""), 1],
      ["storage_index_last", at.buffer("a"), at.buffer("c"), 1],
      ["storage_index_last", at.buffer("x"), at.buffer(""), 1],
    ],
    tells: [
      [1, listOf(1, "c", "3")],
      [1, listOf(1, "b", "2")],
      [1, listOf(0)],
    ],
  },
  storage_index_meta_set: {
    steps: (at) => [
      ["storage_index_meta_set", at.buffer("k"), at.buffer("v")],
      ["storage_index_meta_get", at.buffer("k"), 1],
      scan(at, "", "", 0, 0),
    ],
    tells: [[1], [1, "v"], [1, listOf(0)]],
  },
  storage_index_meta_get: {
    before: (at) => [["storage_index_meta_set", at.buffer("k"), at.buffer("v")], commit(at)],
    steps: (at) => [
      ["storage_index_meta_get", at.buffer("none"), 1],
      ["storage_index_meta_get", at.buffer("k"), 1],
    ],
    tells: [[0], [1, "v"]],
  },
  storage_index_meta_clear: {
    before: (at) => [["storage_index_meta_set", at.buffer("k"), at.buffer("v")], commit(at)],
    steps: (at) => [
      ["storage_index_meta_clear", at.buffer("k")],
      ["storage_index_meta_get", at.buffer("k"), 1],
    ],
    tells: [[1], [0]],
  },

  blob_create: { steps: () => [["blob_create"], ["blob_create"]], tells: [[1], [2]] },
  blob_write: { steps: (at) => write(at).slice(0, 3), tells: [[1], [3], [2]] },
  blob_close: {
    steps: (at) => {
      const id = at.room(32);
      return [
        ...write(at).slice(0, 3),
        ["blob_close", 1, id],
        ["storage_write", at.buffer("id"), id, 1],
        ["storage_read", at.buffer("id"), 1],
      ];
    },
    tells: [[1], [3], [2], [1], [0], [1, HELLO]],
  },
  blob_open: {
    steps: (at) => [...write(at), ["blob_open", at.buffer(HELLO)]],
    tells: [[1], [3], [2], [1], [2]],
  },
  blob_read: {
    before: (at) => [...write(at), commit(at)],
    steps: (at) => {
      const [part, rest] = [at.room(2), at.room(8)];
      return [
        ["blob_open", at.buffer(HELLO)],
        ["blob_read", 1, part],
        ["blob_read", 1, rest],
        ["blob_read", 1, rest],
        ["storage_write", at.buffer("part"), part, 1],
        ["storage_write", at.buffer("part"), rest, 1],
        ["storage_read", at.buffer("part"), 1],
        ["blob_close", 1, at.room(32)],
      ];
    },
    tells: [[1], [2], [3], [0], [0], [1, "he"], [1, "llo\0\0\0\0\0"], [1]],
  },
  blob_announce_to_context: {
    before: (at) => [...write(at), commit(at)],
    steps: (at) => [
      ["blob_announce_to_context", at.buffer(HELLO), at.buffer(CONTEXT)],
      ["blob_announce_to_context", at.buffer(CONTEXT), at.buffer(CONTEXT)],
      // Not the context that the run is in.
      ["blob_announce_to_context", at.buffer(HELLO), at.buffer(HELLO)],
    ],
    tells: [[1], [0], [0]],
  },
};
