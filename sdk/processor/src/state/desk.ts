/**
 * All that happens to a running processor's state: captured, restored, saved and reset, one after the other, so that no
 * capture sees half a restore. Nothing is saved before a state was loaded (or decided against): a process that is stopped
 * while it starts must not replace the state with nothing.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { toIso, type Timestamp } from "@shoal/shared/base/time.ts";
import type { StateBody } from "@shoal/shared/wire/state-body.ts";
import type { Fence } from "../app/fence.ts";
import type { Output } from "../app/output.ts";
import type { Processor } from "../app/processor.ts";
import { within } from "../app/within.ts";
import type { ProcessorConfig } from "../config/config.ts";
import { RESET_STEPS, type ResetLevel, type ResetStep } from "../recovery/reset.ts";
import { openBody, sealState, type SealedState } from "./body.ts";
import type { StateKeeper } from "./keeper.ts";

export interface DeskParts {
  readonly processor: Processor;
  readonly output: Output;
  readonly keeper: StateKeeper;
  readonly fence: Fence;
  readonly config: ProcessorConfig;
  readonly now: () => Timestamp;
  readonly log: Log;
  readonly appName: string;
  /** What the body tells about the process. */
  readonly tell: () => Pick<StateBody, "uptime_seconds" | "request_count" | "last_health_time">;
}

export interface Captured extends SealedState {
  readonly epoch: number;
  readonly sequence: number;
}

export class StateDesk {
  readonly #parts: DeskParts;
  #turn: Promise<unknown> = Promise.resolve();
  #sequence = 0;
  #loaded = false;
  #savedDigest: string | undefined;
  #savedAt: Timestamp | undefined;
  #savedBytes = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  get lastSave(): { readonly at: Timestamp | undefined; readonly bytes: number; readonly sequence: number } {
    return { at: this.#savedAt, bytes: this.#savedBytes, sequence: this.#sequence };
  }

  /**
   * The state as text with its digest. Throws `unavailable` before one was loaded, `internal` or `deadline_exceeded` where
   * the processor cannot give it.
   */
  capture(): Promise<Captured> {
    return this.#inTurn(() => {
      if (this.#loaded) return this.#capture();
      throw new ShoalError("unavailable", "the processor has no state yet", { retryAfterSeconds: 1 });
    });
  }

  /** Says that there is nothing to load: from now on the state is the processor's. */
  begin(after: { readonly sequence: number }): void {
    this.#sequence = Math.max(this.#sequence, after.sequence);
    this.#loaded = true;
  }

  /**
   * Loads a kept or a sent state. Throws `conflict` for one of a later epoch, and what `restoreState` throws as `internal`.
   */
  load(body: StateBody): Promise<void> {
    return this.#inTurn(async () => {
      const { config, processor, output } = this.#parts;
      if (body.epoch > config.identity.epoch) {
        throw new ShoalError("conflict", `a state of epoch ${body.epoch}, and this is epoch ${config.identity.epoch}`, {
          field: "epoch",
        });
      }
      await within(config.limits.restore, "restoreState", () => processor.restoreState(body.data));
      output.restore(body.output);
      this.begin(body);
    });
  }

  /** Opens text that was sent; errors as `openBody`. */
  open(text: string): Promise<StateBody> {
    const { config, appName } = this.#parts;
    return openBody(text, { podName: config.identity.podName, appName });
  }

  /** Keeps the state if it changed. A refusal because of a later epoch makes this process a standby. */
  save(): Promise<void> {
    return this.#inTurn(async () => {
      const { keeper, fence, now } = this.#parts;
      if (!this.#loaded || fence.role === "STANDBY") return;
      const captured = await this.#capture();
      const digest = `${captured.digest} ${captured.outputMark}`;
      if (digest === this.#savedDigest) return;
      if (captured.bytes > keeper.maxBytes) {
        throw new ShoalError(
          "payload_too_large",
          `the state has ${captured.bytes} bytes, and this backend keeps ${keeper.maxBytes}: use pvc or s3`,
          { field: "DORY_STATE_BACKEND" },
        );
      }
      try {
        await keeper.save(captured.text, captured);
      } catch (thrown) {
        if (thrown instanceof ShoalError && thrown.code === "conflict") fence.fence(thrown.message);
        throw thrown;
      }
      this.#savedDigest = digest;
      this.#savedAt = now();
      this.#savedBytes = captured.bytes;
    });
  }

  reset(level: ResetLevel): Promise<void> {
    return this.#inTurn(async () => {
      this.#parts.log.warn({ level }, "reset");
      const { processor, keeper } = this.#parts;
      const steps: Readonly<Record<ResetStep, () => void | Promise<void>>> = {
        caches: () => processor.resetCaches(),
        session: () => processor.resetState(),
        state: () => keeper.forget(),
        counters: () => keeper.forgetRestarts(),
      };
      for (const step of RESET_STEPS[level]) await steps[step]();
      this.#savedDigest = undefined;
    });
  }

  async #capture(): Promise<Captured & { readonly outputMark: string }> {
    const { config, processor, output, log, appName, now, tell } = this.#parts;
    const { limits, identity } = config;
    const data = await within(limits.capture, "getState", () => processor.getState());
    const outputState = output.capture();
    const sequence = ++this.#sequence;
    const sealed = sealState(
      {
        pod_name: identity.podName,
        app_name: appName,
        captured_at: toIso(now()),
        state_version: "1.0",
        metrics: {},
        connections: [],
        active_sessions: 0,
        session_data: {},
        ...tell(),
        epoch: identity.epoch,
        sequence,
        output: outputState,
      },
      data,
      limits.maxStateBytes,
    );
    if (sealed.bytes > limits.maxStateBytes * limits.warnAt) {
      log.warn(
        { state_size_bytes: sealed.bytes, limit_bytes: limits.maxStateBytes },
        "the state is close to its limit",
      );
    }
    return { ...sealed, epoch: identity.epoch, sequence, outputMark: JSON.stringify(outputState) };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
