/**
 * Questions and answers of one reconciliation, as Borsh. Whatever is decoded here came from a peer: lengths are checked against the
 * bytes that are there, and numbers against bounds, before anything is made of them.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import type { IdItem } from "./contract.ts";
import { KEY_BYTES } from "./iblt-hash.ts";
import { SYMBOL_BYTES } from "./iblt.ts";
import { ID_BYTES } from "./id-set.ts";
import { SKETCH_BYTES } from "./id-set-sketch.ts";
import { MAX_BOUNDS, TAG_BYTES, type Bound } from "./ranges.ts";

/** What an answer may be asked to be at most, and what it may be asked to be at least. */
export const MAX_ANSWER = 4 * 1024 * 1024;
export const MIN_ANSWER = 4 * 1024;
/** The last symbol that may be asked for: as many as a million different ids need, and a bound to their cost. */
export const MAX_SYMBOLS = 1_500_000;
/** What an answer has besides its ids or symbols, at most. */
const ANSWER_HEAD = 64;

/** How many of so many bytes an answer has room for. */
export function fitting(maxBytes: number, each: number): number {
  return Math.floor((maxBytes - ANSWER_HEAD) / each);
}

/** `maxBytes`: of the answer, in all. */
export type Question =
  | {
      readonly type: "probe";
      readonly key: Uint8Array;
      readonly maxBytes: number;
      readonly maxDifference: number;
      readonly size: number;
      readonly sketch: Uint8Array;
      readonly bounds: readonly Bound[];
    }
  | {
      readonly type: "symbols";
      readonly key: Uint8Array;
      readonly maxBytes: number;
      readonly from: number;
      /** Not included. */
      readonly to: number;
      /** Of the peer's set as it was when it answered before. */
      readonly tag: Uint8Array;
    }
  | { readonly type: "ids"; readonly maxBytes: number; readonly from: IdItem };

export type Answer =
  | { readonly type: "equal" }
  /** More ids differ than the asker wants to hear of. */
  | { readonly type: "beyond"; readonly difference: number }
  /** All ids behind the bound of that number, or the next of them. */
  | {
      readonly type: "ids";
      readonly bound: number;
      readonly ids: readonly Uint8Array[];
      readonly next: IdItem | undefined;
    }
  /** From symbol `from` on; from the first again where the set has changed. `sketched`: the difference, guessed from sketches. */
  | {
      readonly type: "symbols";
      readonly tag: Uint8Array;
      readonly size: number;
      readonly sketched: number;
      readonly from: number;
      readonly symbols: Uint8Array;
    };

const VERSION = 1;
const QUESTIONS = ["probe", "symbols", "ids"] as const;
const ANSWERS = ["equal", "beyond", "ids", "symbols"] as const;

export function encodeQuestion(question: Question): Uint8Array {
  const writer = new BorshWriter().u8(VERSION).u8(QUESTIONS.indexOf(question.type)).u32(question.maxBytes);
  if (question.type === "ids") return writeItem(writer, question.from).done();
  writer.fixed(question.key);
  if (question.type === "symbols") return writer.u32(question.from).u32(question.to).fixed(question.tag).done();
  writer.u32(question.maxDifference).u32(question.size).fixed(question.sketch).u8(question.bounds.length);
  for (const { time, tag } of question.bounds) writer.u64(time).fixed(tag);
  return writer.done();
}

/** Throws `invalid_argument` for anything that is not exactly one question within the bounds. */
export function decodeQuestion(bytes: Uint8Array): Question {
  const reader = new BorshReader(bytes);
  within("version", reader.u8(), VERSION, VERSION);
  const type = QUESTIONS[reader.tag(QUESTIONS.length)] ?? "ids";
  const maxBytes = within("maxBytes", reader.u32(), MIN_ANSWER, MAX_ANSWER);
  const question = readQuestion(reader, type, maxBytes);
  reader.end();
  return question;
}

function readQuestion(reader: BorshReader, type: Question["type"], maxBytes: number): Question {
  if (type === "ids") return { type, maxBytes, from: readItem(reader) };
  const key = reader.fixed(KEY_BYTES);
  if (type === "symbols") {
    const from = within("from", reader.u32(), 0, MAX_SYMBOLS - 1);
    const to = within("to", reader.u32(), from + 1, MAX_SYMBOLS);
    return { type, key, maxBytes, from, to, tag: reader.fixed(TAG_BYTES) };
  }
  const maxDifference = reader.u32();
  const size = reader.u32();
  const sketch = reader.fixed(SKETCH_BYTES);
  const count = within("bounds", reader.u8(), 0, MAX_BOUNDS);
  const bounds = Array.from({ length: count }, () => ({ time: reader.u64(), tag: reader.fixed(TAG_BYTES) }));
  return { type, key, maxBytes, maxDifference, size, sketch, bounds };
}

export function encodeAnswer(answer: Answer): Uint8Array {
  const writer = new BorshWriter().u8(ANSWERS.indexOf(answer.type));
  switch (answer.type) {
    case "equal":
      return writer.done();
    case "beyond":
      return writer.u32(answer.difference).done();
    case "ids":
      writer.u8(answer.bound).option(answer.next, writeItem).u32(answer.ids.length);
      for (const id of answer.ids) writer.fixed(id);
      return writer.done();
    case "symbols":
      writer.fixed(answer.tag).u32(answer.size).u32(answer.sketched).u32(answer.from);
      return writer.bytes(answer.symbols).done();
  }
}

/** Throws `invalid_argument` for anything that is not exactly one answer. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const reader = new BorshReader(bytes);
  const answer = readAnswer(reader, ANSWERS[reader.tag(ANSWERS.length)] ?? "symbols");
  reader.end();
  return answer;
}

function readAnswer(reader: BorshReader, type: Answer["type"]): Answer {
  switch (type) {
    case "equal":
      return { type };
    case "beyond":
      return { type, difference: reader.u32() };
    case "ids": {
      const bound = within("bound", reader.u8(), 0, MAX_BOUNDS);
      const next = reader.option(readItem);
      return { type, bound, next, ids: reader.vec((each) => each.fixed(ID_BYTES)) };
    }
    case "symbols": {
      const tag = reader.fixed(TAG_BYTES);
      const [size, sketched, from] = [reader.u32(), reader.u32(), reader.u32()];
      const symbols = reader.bytes();
      if (symbols.length % SYMBOL_BYTES !== 0) {
        throw new ShoalError("invalid_argument", `symbols of ${SYMBOL_BYTES} bytes expected`, { field: "symbols" });
      }
      return { type, tag, size, sketched, from, symbols };
    }
  }
}

function writeItem(writer: BorshWriter, { time, id }: IdItem): BorshWriter {
  return writer.u64(time).fixed(id);
}

const readItem = (reader: BorshReader): IdItem => ({ time: reader.u64(), id: reader.fixed(ID_BYTES).slice() });

function within(field: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new ShoalError("invalid_argument", `${field} of ${least} to ${most} expected, not ${value}`, { field });
}
