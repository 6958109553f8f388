/** A module that does with the host what an app of the Rust library does, call by call, on rows that were made beforehand. */
import { wat } from "../../../support/wat.ts";
import { callText, guestText, Layout, type Content, type Step } from "../runtime/guest.ts";

/** The only register that the library uses: the largest number of 32 bits but one. */
const DATA_REGISTER = 0xffff_fffe;

export interface Method {
  /** The input that it traps without. */
  readonly expects?: Uint8Array;
  /** State rows to write, keys without the context's prefix. */
  readonly writes?: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  readonly commits?: { readonly root: Uint8Array; readonly artifact: Uint8Array };
  readonly witness?: Uint8Array;
  readonly returns?: Content;
  readonly returnsInput?: true;
}

export function libraryApp(methods: Readonly<Record<string, Method>>): Promise<Uint8Array> {
  const layout = new Layout();
  const bodies = Object.entries(methods).map(([name, method]) => [name, bodyOf(method, layout)]);
  return wat(guestText(Object.fromEntries(bodies) as Record<string, string>, layout, 17));
}

function bodyOf({ expects, writes = [], commits, witness, returns, returnsInput }: Method, layout: Layout): string {
  const steps = writes.map(([key, value]): Step => [
    "storage_write",
    layout.buffer(key),
    layout.buffer(value),
    DATA_REGISTER,
  ]);
  const lines = steps.map((step) => `(drop ${callText(step)})`);
  if (expects !== undefined) lines.unshift(expectText(expects, layout));
  if (commits !== undefined) {
    lines.push(callText(["commit", layout.buffer(commits.root), layout.buffer(commits.artifact)]));
  }
  if (witness !== undefined) lines.push(callText(["emit_migration_witness", layout.buffer(witness)]));
  if (returnsInput === true) lines.push(inputText(layout));
  if (returns !== undefined) lines.push(callText(["value_return", layout.result(0, returns)]));
  return lines.join("\n");
}

/** Asks for the input, for its length, for its bytes, and returns them: the room for them is a page above all else. */
function inputText(layout: Layout): string {
  const room = layout.words(0x10_0000, 0);
  const result = layout.words(0, 0x10_0000, 0);
  const length = `(call $register_len (i64.const ${DATA_REGISTER}))`;
  return `(call $input (i64.const ${DATA_REGISTER}))
    (i64.store (i32.const ${room.address + 8}) ${length})
    (i64.store (i32.const ${result.address + 16}) ${length})
    (drop (call $read_register (i64.const ${DATA_REGISTER}) (i64.const ${room.address})))
    (call $value_return (i64.const ${result.address}))`;
}

/** Reads the input where a buffer of the expected length takes it, and compares byte by byte. */
function expectText(expected: Uint8Array, layout: Layout): string {
  const [known, room] = [layout.raw(expected), layout.raw(new Uint8Array(expected.length))];
  const buffer = layout.words(room, expected.length);
  const read = `(call $read_register (i64.const ${DATA_REGISTER}) (i64.const ${buffer.address}))`;
  return `(call $input (i64.const ${DATA_REGISTER}))
    (if (i32.eqz ${read}) (then unreachable))
    ${Array.from(expected, (_, at) => {
      const sides = [known, room].map((base) => `(i32.load8_u (i32.const ${base + at}))`);
      return `(if (i32.ne ${sides.join(" ")}) (then unreachable))`;
    }).join("\n")}`;
}
