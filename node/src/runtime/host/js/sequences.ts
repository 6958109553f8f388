/** What has positions: vectors, vectors of elements that belong to their author, and text. */
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { done, flag, value } from "./answers.ts";
import { content, name, position } from "./arguments.ts";
import { makingFunctions } from "./making.ts";

const vectorFunctions: HostFunctions = {
  ...makingFunctions("js_crdt_vector_", (all) => all.vector),
  js_crdt_vector_len: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.vector.len(name(run, id))),
  js_crdt_vector_push: (run: RunState, id: bigint, val: bigint) =>
    done(run, (all) => all.vector.push(name(run, id), content(run, val))),
  js_crdt_vector_get: (run: RunState, id: bigint, index: bigint, register: bigint) =>
    value(run, register, (all) => all.vector.get(name(run, id), position(index))),
  js_crdt_vector_pop: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.vector.pop(name(run, id))),
};

const authoredVectorFunctions: HostFunctions = {
  ...makingFunctions("js_crdt_authored_vector_", (all) => all.authoredVector),
  js_crdt_authored_vector_push: (run: RunState, id: bigint, val: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.push(name(run, id), content(run, val))),
  js_crdt_authored_vector_update: (run: RunState, id: bigint, index: bigint, val: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.update(name(run, id), position(index), content(run, val))),
  js_crdt_authored_vector_tombstone: (run: RunState, id: bigint, index: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.tombstone(name(run, id), position(index))),
  js_crdt_authored_vector_get: (run: RunState, id: bigint, index: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.get(name(run, id), position(index))),
  js_crdt_authored_vector_owner_of: (run: RunState, id: bigint, index: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.ownerOf(name(run, id), position(index))),
  js_crdt_authored_vector_owned_by_me: (run: RunState, id: bigint, index: bigint) =>
    flag(run, (all) => all.authoredVector.ownedByMe(name(run, id), position(index))),
  js_crdt_authored_vector_iter: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.iter(name(run, id))),
  js_crdt_authored_vector_len: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredVector.len(name(run, id))),
};

const textFunctions: HostFunctions = {
  ...makingFunctions("js_crdt_rga_", (all) => all.text),
  js_crdt_rga_insert: (run: RunState, id: bigint, index: bigint, val: bigint) =>
    done(run, (all) => all.text.insert(name(run, id), position(index), content(run, val))),
  js_crdt_rga_delete: (run: RunState, id: bigint, index: bigint) =>
    done(run, (all) => all.text.delete(name(run, id), position(index))),
  js_crdt_rga_get_text: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.text.text(name(run, id))),
  js_crdt_rga_len: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.text.len(name(run, id))),
};

export const jsSequenceFunctions: HostFunctions = {
  ...vectorFunctions,
  ...authoredVectorFunctions,
  ...textFunctions,
};
