/** Collections that the host keeps for QuickJS apps: maps, sets, sequences, single values, stores, the root. */
import { sha256 } from "@shoal/node/model/sha256.ts";
import { EXECUTOR, ORIGIN } from "../stage.ts";
import { type Argument, type Layout, type Step } from "../guest.ts";
import { type Case, type Cases, concat, type Expected, listOf, u64 } from "./case.ts";

const ID = new Uint8Array(32).fill(8);
const NOBODY = new Uint8Array(32).fill(9);

type Arguments = (at: Layout) => readonly Argument[];
/** A call of the collection: its name after the prefix, what follows the id, and what it tells. */
type Call = readonly [name: string, args: Arguments, tells: Expected];

const none: Arguments = () => [];
const reg: Arguments = () => [1];
const text =
  (...parts: readonly (string | number)[]): Arguments =>
  (at) =>
    parts.map((part) => (typeof part === "string" ? at.buffer(part) : part));

/** `new_with_id`, then the calls on it. */
function on(prefix: string, ...calls: readonly Call[]): Case {
  return {
    steps: (at) => [
      [`${prefix}new_with_id`, at.buffer(ID), 1],
      ...calls.map(([name, args]): Step => [`${prefix}${name}`, at.buffer(ID), ...args(at)]),
    ],
    tells: [[0, ID], ...calls.map(([, , tells]) => tells)],
  };
}

/** The two ways to make one. */
function making(prefix: string): Cases {
  return {
    [`${prefix}new`]: {
      steps: () => [
        [`${prefix}new`, 1],
        ["register_len", 1],
      ],
      tells: [[0], [32]],
    },
    [`${prefix}new_with_id`]: {
      steps: (at) => [
        [`${prefix}new_with_id`, at.buffer(ID), 1],
        [`${prefix}new_with_id`, at.buffer(ID), 1],
      ],
      tells: [
        [0, ID],
        [0, ID],
      ],
    },
  };
}

function mapCases(prefix: string): Cases {
  const insert = (value: string, tells: Expected): Call => ["insert", text("k", value, 1), tells];
  return {
    ...making(prefix),
    [`${prefix}get`]: on(prefix, ["get", text("k", 1), [0]], insert("v", [0]), ["get", text("k", 1), [1, "v"]]),
    [`${prefix}insert`]: on(prefix, insert("v", [0]), insert("w", [1, "v"])),
    [`${prefix}remove`]: on(
      prefix,
      insert("v", [0]),
      ["remove", text("k", 1), [1, "v"]],
      ["remove", text("k", 1), [0]],
    ),
    [`${prefix}contains`]: on(prefix, ["contains", text("k"), [0]], insert("v", [0]), ["contains", text("k"), [1]]),
    [`${prefix}iter`]: on(prefix, insert("v", [0]), ["iter", reg, [1, listOf(1, "k", "v")]]),
  };
}

function setCases(prefix: string): Cases {
  const insert = (tells: Expected): Call => ["insert", text("v"), tells];
  return {
    ...making(prefix),
    [`${prefix}insert`]: on(prefix, insert([1]), insert([0])),
    [`${prefix}contains`]: on(prefix, ["contains", text("v"), [0]], insert([1]), ["contains", text("v"), [1]]),
    [`${prefix}remove`]: on(prefix, insert([1]), ["remove", text("v"), [1]], ["remove", text("v"), [0]]),
    [`${prefix}len`]: on(prefix, insert([1]), ["len", reg, [1, u64(1)]]),
    [`${prefix}iter`]: on(prefix, insert([1]), ["iter", reg, [1, listOf(1, "v")]]),
    [`${prefix}clear`]: on(prefix, insert([1]), ["clear", none, [1]], ["len", reg, [1, u64(0)]]),
  };
}

function counterCases(prefix: string): Cases {
  const mine: Arguments = (at) => [at.buffer(""), 0, 1];
  const whose =
    (key: Uint8Array): Arguments =>
    (at) => [at.buffer(key), 1, 1];
  return {
    ...making(prefix),
    [`${prefix}increment`]: on(prefix, ["increment", none, [1]], ["increment", none, [1]], ["value", reg, [1, u64(2)]]),
    [`${prefix}value`]: on(prefix, ["value", reg, [1, u64(0)]]),
    [`${prefix}get_executor_count`]: on(
      prefix,
      ["increment", none, [1]],
      ["get_executor_count", mine, [1, u64(1)]],
      ["get_executor_count", whose(EXECUTOR), [1, u64(1)]],
      ["get_executor_count", whose(NOBODY), [1, u64(0)]],
    ),
  };
}

const authoredMap = "js_crdt_authored_map_";
const authoredMapCases: Cases = {
  ...mapCases(authoredMap),
  // What somebody wrote is changed by `update` only.
  [`${authoredMap}insert`]: on(
    authoredMap,
    ["insert", text("k", "v", 1), [0]],
    ["insert", text("k", "w", 1), [-1, "the key is taken"]],
  ),
  [`${authoredMap}update`]: on(
    authoredMap,
    ["insert", text("k", "v", 1), [0]],
    ["update", text("k", "w", 1), [1, "v"]],
    ["update", text("none", "w", 1), [-1]],
  ),
  [`${authoredMap}owner_of`]: on(
    authoredMap,
    ["insert", text("k", "v", 1), [0]],
    ["owner_of", text("k", 1), [1, EXECUTOR]],
    ["owner_of", text("none", 1), [0]],
  ),
  [`${authoredMap}owned_by_me`]: on(authoredMap, ["insert", text("k", "v", 1), [0]], ["owned_by_me", text("k"), [1]]),
  [`${authoredMap}len`]: on(authoredMap, ["insert", text("k", "v", 1), [0]], ["len", reg, [1, u64(1)]]),
};

const vector = "js_crdt_vector_";
const vectorCases: Cases = {
  ...making(vector),
  [`${vector}len`]: on(vector, ["len", reg, [1, u64(0)]], ["push", text("a"), [1]], ["len", reg, [1, u64(1)]]),
  [`${vector}push`]: on(vector, ["push", text("a"), [1]], ["push", text("b"), [1]], ["get", () => [1, 1], [1, "b"]]),
  [`${vector}get`]: on(vector, ["push", text("a"), [1]], ["get", () => [0, 1], [1, "a"]], ["get", () => [7, 1], [0]]),
  [`${vector}pop`]: on(vector, ["push", text("a"), [1]], ["pop", reg, [1, "a"]], ["pop", reg, [0]]),
};

const authoredVector = "js_crdt_authored_vector_";
const push: Call = ["push", text("a", 1), [1, u64(0)]];
const authoredVectorCases: Cases = {
  ...making(authoredVector),
  [`${authoredVector}push`]: on(authoredVector, push, ["push", text("b", 1), [1, u64(1)]]),
  [`${authoredVector}update`]: on(authoredVector, push, ["update", text(0, "b", 1), [1, "a"]]),
  [`${authoredVector}tombstone`]: on(authoredVector, push, ["tombstone", () => [0, 1], [1, "a"]]),
  [`${authoredVector}get`]: on(authoredVector, push, ["get", () => [0, 1], [1, "a"]], ["get", () => [5, 1], [0]]),
  [`${authoredVector}owner_of`]: on(authoredVector, push, ["owner_of", () => [0, 1], [1, EXECUTOR]]),
  [`${authoredVector}owned_by_me`]: on(authoredVector, push, ["owned_by_me", () => [0], [1]]),
  [`${authoredVector}iter`]: on(authoredVector, push, ["iter", reg, [1, listOf(1, "a")]]),
  [`${authoredVector}len`]: on(authoredVector, push, ["len", reg, [1, u64(1)]]),
};

const rga = "js_crdt_rga_";
const textCases: Cases = {
  ...making(rga),
  [`${rga}insert`]: on(
    rga,
    ["insert", text(0, "ab"), [1]],
    ["insert", text(1, "é"), [1]],
    ["get_text", reg, [1, "aéb"]],
  ),
  [`${rga}delete`]: on(rga, ["insert", text(0, "ab"), [1]], ["delete", () => [0], [1]], ["get_text", reg, [1, "b"]]),
  [`${rga}get_text`]: on(rga, ["get_text", reg, [1, ""]]),
  [`${rga}len`]: on(rga, ["insert", text(0, "aé"), [1]], ["len", reg, [1, u64(2)]]),
};

const lww = "js_crdt_lww_";
const registerCases: Cases = {
  ...making(lww),
  [`${lww}set`]: on(
    lww,
    ["set", text("v", 1), [1]],
    ["get", reg, [1, "v"]],
    ["set", text("", 0), [1]],
    ["get", reg, [0]],
  ),
  [`${lww}get`]: on(lww, ["get", reg, [0]]),
  [`${lww}timestamp`]: {
    steps: (at) => [
      [`${lww}new_with_id`, at.buffer(ID), 1],
      [`${lww}set`, at.buffer(ID), at.buffer("v"), 1],
      [`${lww}timestamp`, at.buffer(ID), 1],
      ["register_len", 1],
    ],
    tells: [[0], [1], [1], [24]],
  },
};

const shared = "js_crdt_shared_";
const writers = concat(EXECUTOR, ORIGIN);
const sharedNew = (at: Layout, frozen: number): Step => [
  `${shared}new_with_id`,
  at.buffer(ID),
  at.buffer(writers),
  frozen,
  1,
];
const onShared = (frozen: number, ...calls: readonly Call[]): Case => ({
  steps: (at) => [
    sharedNew(at, frozen),
    ...calls.map(([name, args]): Step => [`${shared}${name}`, at.buffer(ID), ...args(at)]),
  ],
  tells: [[0, ID], ...calls.map(([, , tells]) => tells)],
});
const sharedCases: Cases = {
  [`${shared}new`]: {
    steps: (at) => [
      [`${shared}new`, at.buffer(writers), 0, 1],
      ["register_len", 1],
    ],
    tells: [[0], [32]],
  },
  [`${shared}new_with_id`]: onShared(0),
  [`${shared}set`]: onShared(0, ["set", text("v"), [1]], ["get", reg, [1, "v"]]),
  [`${shared}get`]: onShared(0, ["get", reg, [0]]),
  [`${shared}writers`]: onShared(0, ["writers", reg, [1, writers]]),
  [`${shared}writable_by_me`]: onShared(0, ["writable_by_me", none, [1]]),
  [`${shared}is_frozen`]: onShared(1, ["is_frozen", none, [1]]),
  [`${shared}rotate_writers`]: onShared(
    0,
    ["rotate_writers", (at) => [at.buffer(EXECUTOR)], [1]],
    ["writers", reg, [1, EXECUTOR]],
  ),
};

const user = "js_user_storage_";
const mine: Call = ["insert", text("v", 1), [0]];
const userCases: Cases = {
  ...making(user),
  [`${user}insert`]: on(user, mine, ["insert", text("w", 1), [1, "v"]]),
  [`${user}get`]: on(user, ["get", reg, [0]], mine, ["get", reg, [1, "v"]]),
  [`${user}get_for_user`]: on(
    user,
    mine,
    ["get_for_user", (at) => [at.buffer(EXECUTOR), 1], [1, "v"]],
    ["get_for_user", (at) => [at.buffer(NOBODY), 1], [0]],
  ),
  [`${user}remove`]: on(user, mine, ["remove", reg, [1, "v"]], ["remove", reg, [0]]),
  [`${user}contains`]: on(user, ["contains", none, [0]], mine, ["contains", none, [1]]),
  [`${user}contains_user`]: on(user, mine, ["contains_user", (at) => [at.buffer(NOBODY)], [0]]),
};

const frozen = "js_frozen_storage_";
const HASH = sha256(Buffer.from("v"));
const add: Call = ["add", text("v", 1), [1, HASH]];
const frozenCases: Cases = {
  ...making(frozen),
  [`${frozen}add`]: on(frozen, add, add),
  [`${frozen}get`]: on(frozen, add, ["get", (at) => [at.buffer(HASH), 1], [1, "v"]]),
  [`${frozen}contains`]: on(frozen, ["contains", (at) => [at.buffer(HASH)], [0]], add, [
    "contains",
    (at) => [at.buffer(HASH)],
    [1],
  ]),
};

const persist = (at: Layout, document: string): Step => ["persist_root_state", at.buffer(document), 1, 2];
const rootCases: Cases = {
  persist_root_state: {
    steps: (at) => [persist(at, "{}"), ["read_root_state", 1]],
    tells: [[0], [1, "{}"]],
  },
  read_root_state: {
    before: (at) => [persist(at, "before"), ["flush_delta"]],
    steps: () => [["read_root_state", 1]],
    tells: [[1, "before"]],
  },
  apply_storage_delta: {
    // No actions: nothing to merge, and nothing to refuse.
    steps: (at) => [["apply_storage_delta", at.buffer(new Uint8Array(5))], ["flush_delta"]],
    tells: [[0], [0]],
  },
  flush_delta: {
    steps: (at) => [["flush_delta"], persist(at, "{}"), ["flush_delta"], ["flush_delta"]],
    tells: [[0], [0], [1], [0]],
  },
  register_js_sdk_root_merge: { steps: () => [["register_js_sdk_root_merge"]], tells: [[0]] },
  js_crdt_delete_collection: {
    steps: (at) => [
      [`${vector}new_with_id`, at.buffer(ID), 1],
      ["js_crdt_delete_collection", at.buffer(ID), 1],
      ["js_crdt_delete_collection", at.buffer(ID), 1],
    ],
    tells: [[0, ID], [1], [0]],
  },
};

const pnCounter = "js_crdt_pncounter_";
export const collectionCases: Cases = {
  ...mapCases("js_crdt_map_"),
  ...mapCases("js_crdt_sortedmap_"),
  ...authoredMapCases,
  ...setCases("js_crdt_set_"),
  ...setCases("js_crdt_sortedset_"),
  ...vectorCases,
  ...authoredVectorCases,
  ...textCases,
  ...registerCases,
  ...counterCases("js_crdt_counter_"),
  ...counterCases(pnCounter),
  [`${pnCounter}decrement`]: on(pnCounter, ["decrement", none, [1]], ["value", reg, [1, u64(-1)]]),
  ...sharedCases,
  ...userCases,
  ...frozenCases,
  ...rootCases,
};
