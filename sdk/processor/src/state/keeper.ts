/**
 * Keeps a processor's state in its backend. One rule for all backends: what is kept is replaced only by the same or a later
 * (epoch, sequence), so that a copy that was replaced and came back cannot overwrite its successor's work.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { StateBody } from "@shoal/shared/wire/state-body.ts";
import type { RestartHistory } from "../recovery/history.ts";
import type { StateBackend } from "./backend.ts";
import { openBody } from "./body.ts";

/** Another writer may come in between; that often in a row it is no accident. */
const WRITE_TRIES = 4;

/** The order of states: by activation, and within one by capture. */
export interface StateMark {
  readonly epoch: number;
  readonly sequence: number;
}

export type KeptState =
  | { readonly kind: "none" }
  | { readonly kind: "readable"; readonly body: StateBody }
  | { readonly kind: "corrupt"; readonly why: string };

export class StateKeeper {
  readonly #backend: StateBackend;
  readonly #names: { podName: string; appName: string };
  /** What this process last saw kept, and the mark of that version. */
  #revision: string | undefined;
  #seen: StateMark | undefined;

  constructor(backend: StateBackend, names: { podName: string; appName: string }) {
    this.#backend = backend;
    this.#names = names;
  }

  get maxBytes(): number {
    return this.#backend.maxBytes;
  }

  /** Throws only where the backend does not answer: an outage is neither an empty nor a corrupt state. */
  async probe(): Promise<KeptState> {
    const found = await this.#backend.read("state");
    this.#revision = found?.revision;
    this.#seen = undefined;
    if (found === undefined) return { kind: "none" };
    try {
      const body = await openBody(found.text, this.#names);
      this.#seen = body;
      return { kind: "readable", body };
    } catch (thrown) {
      if (!(thrown instanceof ShoalError)) throw thrown;
      return { kind: "corrupt", why: thrown.message };
    }
  }

  /** Throws `conflict` where a later activation has saved already, and the backend's `unavailable`. */
  async save(text: string, mark: StateMark): Promise<void> {
    for (let tries = 0; tries < WRITE_TRIES; tries++) {
      this.#checkOrder(mark);
      const written = await this.#backend.write("state", text, this.#revision);
      if (written !== "changed") {
        this.#revision = written.revision;
        this.#seen = mark;
        return;
      }
      await this.probe();
    }
    throw new ShoalError("unavailable", `the state was changed by others ${WRITE_TRIES} times while it was saved`);
  }

  #checkOrder(mark: StateMark): void {
    const seen = this.#seen;
    if (seen === undefined || !isLater(seen, mark)) return;
    throw new ShoalError(
      "conflict",
      `a state of epoch ${seen.epoch}, sequence ${seen.sequence} is kept; ` +
        `epoch ${mark.epoch}, sequence ${mark.sequence} may not replace it`,
    );
  }

  async forget(): Promise<void> {
    await this.#backend.remove("state");
    this.#revision = undefined;
    this.#seen = undefined;
  }

  async restarts(): Promise<RestartHistory | undefined> {
    const found = await this.#backend.read("restarts");
    return found === undefined ? undefined : parseHistory(found.text);
  }

  async keepRestarts(history: RestartHistory): Promise<void> {
    for (let tries = 0; tries < WRITE_TRIES; tries++) {
      const found = await this.#backend.read("restarts");
      if ((await this.#backend.write("restarts", JSON.stringify(history), found?.revision)) !== "changed") return;
    }
    throw new ShoalError("unavailable", `the restart counters were changed by others ${WRITE_TRIES} times`);
  }

  forgetRestarts(): Promise<void> {
    return this.#backend.remove("restarts");
  }
}

function isLater(kept: StateMark, mark: StateMark): boolean {
  return kept.epoch === mark.epoch ? kept.sequence > mark.sequence : kept.epoch > mark.epoch;
}

/** Counters that cannot be read count as none: they protect a start and must not prevent it. */
function parseHistory(text: string): RestartHistory | undefined {
  try {
    const value = JSON.parse(text) as Partial<RestartHistory>;
    const { restarts, startedAt } = value;
    return typeof restarts === "number" && typeof startedAt === "number" ? { restarts, startedAt } : undefined;
  } catch {
    return undefined;
  }
}
