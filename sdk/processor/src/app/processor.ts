/**
 * A processor: what its author writes. Only `run` is required; each other hook has a default. The SDK calls them in the order
 * `startup`, `restoreState` (where a state is kept), `run`, `shutdown`, and `getState` at any time in between.
 */
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { StateData } from "../state/body.ts";
import type { ProcessorContext } from "./context.ts";
import type { OutgoingEvent } from "./output.ts";
import type { Routes } from "./routes.ts";
import { iterations } from "./loop.ts";
import { statefulFields, type StatefulFields } from "./stateful.ts";

export abstract class Processor {
  readonly #context: ProcessorContext;
  #fields: StatefulFields | undefined;

  constructor(context: ProcessorContext) {
    this.#context = context;
  }

  /** Works until `isShuttingDown()`. To return earlier ends the processor; to throw fails it. */
  abstract run(): Promise<void>;

  /** Opens what `run` needs. Bounded by the startup time-out. */
  startup(): void | Promise<void> {}

  /** Closes what `startup` opened; before the last save, so it may still change the state. */
  shutdown(): void | Promise<void> {}

  /** What a successor needs, as a plain object that JSON can carry. Called between two steps of `run`. */
  getState(): StateData | Promise<StateData> {
    return this.#fields?.capture() ?? {};
  }

  restoreState(data: StateData): void | Promise<void> {
    this.#fields?.restore(data);
  }

  /** Whether to start without the state that could not be restored; `false` fails the start. */
  onStateRestoreFailed(_error: Error): boolean | Promise<boolean> {
    return true;
  }

  /** Whether to forget the state after that many restarts in rapid succession. */
  onRapidRestartDetected(_restarts: number): boolean | Promise<boolean> {
    return true;
  }

  /** Throws when the processor is not well. Asked at each health interval. */
  checkHealth(): void | Promise<void> {}

  /** Whether the processor may go on, with its caches reset; `false` fails the liveness probe. */
  onHealthCheckFailed(_error: Error): boolean | Promise<boolean> {
    return true;
  }

  /** Forgets what can be computed again. */
  resetCaches(): void | Promise<void> {}

  /** Own HTTP routes. They write state between two steps of `run`, never during one. */
  routes(): Routes {
    return {};
  }

  /** Forgets the state in memory. */
  resetState(): void | Promise<void> {
    this.#fields?.reset();
  }

  protected get context(): ProcessorContext {
    return this.#context;
  }

  protected isShuttingDown(): boolean {
    return this.#context.shutdown.aborted;
  }

  protected publish(event: OutgoingEvent): Promise<void> {
    return this.#context.publish(event);
  }

  /** `for await (const n of this.runLoop(seconds(5)))`: now and after each interval, until the processor has to stop. */
  protected runLoop(interval: DurationMs): AsyncIterable<number> {
    return iterations(interval, this.#context.shutdown);
  }

  /**
   * Declares the state: `readonly #state = this.stateful(() => ({ seen: 0 }))`. The object stays the same when a state is
   * restored into it. One per processor; override `getState` and `restoreState` for any other shape.
   */
  protected stateful<Fields extends object>(beginning: () => Fields): Fields {
    if (this.#fields !== undefined) throw new Error("stateful fields are declared once per processor");
    this.#fields = statefulFields(beginning);
    return this.#fields.live as Fields;
  }
}

export type ProcessorClass = new (context: ProcessorContext) => Processor;
