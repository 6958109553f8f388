/** One command: arguments in, text and an exit code out. Everything that can go wrong ends here, in a sentence. */
import { CommanderError } from "commander";
import { EXIT, failureOf } from "./failure.ts";
import { createProgram } from "./program.ts";
import type { Runtime } from "./session.ts";

/** The exit code; everything else is written to the runtime's streams. */
export async function run(runtime: Runtime, version: string, args: readonly string[]): Promise<number> {
  const program = createProgram(runtime, version);
  try {
    await program.parseAsync(args, { from: "user" });
    return runtime.exitCode;
  } catch (thrown) {
    // Commander has said it already. Help that was asked for is no failure, help in place of a command is.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    const { text, exitCode } = failureOf(thrown, program.opts<{ output: "json" | "table" }>().output, {
      connection: runtime.connection,
      node: runtime.node,
      group: program.args[0] ?? "",
    });
    runtime.streams.stderr(text);
    return exitCode;
  }
}
