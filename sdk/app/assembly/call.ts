/** What the exported methods that the build writes are made of: arguments in, result out, changes kept. */
import { state } from "./collections/collection";
import { Register } from "./collections/register";
import { env } from "./env";
import { failWith, giveResult, panic } from "./failure";
import { REGISTER, answer, answerLength, takeAnswer, valueBuffer } from "./host/buffer";
import { apply_storage_delta, flush_delta, input, persist_root_state, read_root_state } from "./host/core";
import { encode } from "./json/codec";
import { Reader } from "./json/reader";
import { Writer } from "./json/writer";

const NO_ARGUMENTS = memory.data<u8>([0x7b, 0x7d]);

/** The arguments, open at the first; none at all is an empty object. */
export function begin(view: bool): Reader {
  state.view = view;
  input(REGISTER);
  const given = takeAnswer() && answerLength > 0;
  const r = given ? new Reader(answer, answerLength, false) : new Reader(NO_ARGUMENTS, 2, false);
  r.openObject();
  return r;
}

/** `init` runs once in a context's life. */
export function demandNone(): void {
  if (read_root_state(REGISTER) == 1) panic("the context has a state already: init runs once");
}

/**
 * Whether a migration has anything to do: not where another replica's has arrived already. Ends the call where the state has
 * any version but the one that the migration starts from and the one that it leads to.
 */
export function migrates(from: u32, to: u32): bool {
  let version: u32 = 0;
  if (read_root_state(REGISTER) == 1 && takeAnswer()) {
    const r = new Reader(answer, answerLength, true);
    r.openObject();
    let first = true;
    while (r.nextMember(first)) {
      first = false;
      if (r.is("version")) version = <u32>r.unsigned(u32.MAX_VALUE);
      else r.skip();
    }
  }
  if (version != from && version != to) {
    failWith("conflict", "the state has version " + version.toString() + ", not " + from.toString(), "");
  }
  return version == from;
}

export function returns<T>(value: T): void {
  const w = new Writer(256);
  encode<T>(w, value);
  giveResult(w.start, w.length);
}

/** Keeps what the method has changed; a method that changed nothing commits nothing. */
export function keep(): void {
  if (state.changed) flush();
}

/** A register that means nothing; id: SHA-256 of `shoal.private`. */
const TOUCHED = memory.data<u8>([
  86, 159, 114, 240, 120, 45, 110, 104, 226, 129, 186, 241, 125, 238, 15, 45, 115, 25, 206, 115, 45, 136, 166, 51, 46,
  136, 49, 85, 154, 245, 142, 232,
]);

/**
 * As `keep`, for apps with private fields. Private rows become durable with a commit of the state alone, so where nothing of
 * the state was changed, something that means nothing is.
 */
export function keepPrivate(): void {
  if (!state.changed && !state.privateChanged) return;
  if (flush() || !state.privateChanged) return;
  const touched = new Register<i32>(TOUCHED);
  touched.__create();
  touched.value = 0;
  flush();
}

/** Writes the root: which version of the state this is, and which fields it has. */
export function persist(doc: string): void {
  const text = String.UTF8.encode(doc);
  const now = env.timeNs();
  persist_root_state(valueBuffer(changetype<usize>(text), text.byteLength), now, now);
}

/** Whether there was anything to keep. */
export function flush(): bool {
  const kept = flush_delta();
  if (kept < 0) panic("the node could not keep the changes");
  return kept == 1;
}

/** A delta of another replica. */
export function syncNext(): void {
  input(REGISTER);
  takeAnswer();
  apply_storage_delta(valueBuffer(answer, answerLength));
  flush();
}

/** What a migration answers: the new root as it is stored. */
export function givesDocument(doc: string): void {
  const text = String.UTF8.encode(doc);
  giveResult(changetype<usize>(text), text.byteLength);
}
