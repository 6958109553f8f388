/** The life of a processor's process, from its creation to its end. */
export type LifeState = "CREATED" | "STARTING" | "RUNNING" | "SHUTTING_DOWN" | "STOPPED" | "FAILED";

const NEXT: Readonly<Record<LifeState, readonly LifeState[]>> = {
  CREATED: ["STARTING", "SHUTTING_DOWN", "FAILED"],
  STARTING: ["RUNNING", "SHUTTING_DOWN", "FAILED"],
  RUNNING: ["SHUTTING_DOWN", "FAILED"],
  SHUTTING_DOWN: ["STOPPED", "FAILED"],
  STOPPED: [],
  FAILED: [],
};

export class Life {
  #state: LifeState = "CREATED";

  get state(): LifeState {
    return this.#state;
  }

  /** Returns whether there is such an arrow; where there is none, nothing changes. */
  move(to: LifeState): boolean {
    if (!NEXT[this.#state].includes(to)) return false;
    this.#state = to;
    return true;
  }
}
