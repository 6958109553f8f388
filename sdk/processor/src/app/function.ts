/** The function form, for a processor that is one function and an object of state. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { ProcessorContext } from "./context.ts";
import { Processor, type ProcessorClass } from "./processor.ts";

export interface FunctionProcessor<State extends object> {
  /** The state's beginning. */
  readonly state: () => State;
  /** Pause between the starts of two steps. */
  readonly everyMs: number;
  step(context: ProcessorContext, state: State): void | Promise<void>;
}

export function processorOf<State extends object>(form: FunctionProcessor<State>): ProcessorClass {
  return class extends Processor {
    readonly #state = this.stateful(form.state);

    override async run(): Promise<void> {
      for await (const _ of this.runLoop(milliseconds(form.everyMs))) await form.step(this.context, this.#state);
    }
  };
}
