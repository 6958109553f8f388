/** A processor in the function form; run as a child process by the tests. */
import { processorOf, runProcessor } from "@shoal/processor/index.ts";

await runProcessor(
  processorOf({
    state: () => ({ steps: 0, added: "since" }),
    everyMs: 10,
    step: (_context, state) => {
      state.steps++;
    },
  }),
);
