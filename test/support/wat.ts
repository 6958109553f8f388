/** WebAssembly text to binary, for fixtures that are easier to read than bytes. */
import loadWabt from "wabt";

let loaded: ReturnType<typeof loadWabt> | undefined;

/** The module that `text` says, validated; throws with the assembler's message where the text is wrong. */
export async function wat(text: string): Promise<Uint8Array> {
  const wabt = await (loaded ??= loadWabt());
  const module = wabt.parseWat("fixture.wat", text, { mutable_globals: true, multi_value: true, bulk_memory: true });
  try {
    module.validate();
    return module.toBinary({}).buffer.slice();
  } finally {
    module.destroy();
  }
}
