/**
 * What is left of a comparison, as tasks in the order of the tree: each says what to ask and makes of the answers the tasks below
 * it. Many tasks share a request, so where a level fits, one round trip does a level; and since what comes first is always done
 * first, no more is held than a request's worth of tasks for each level.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { StateLayout } from "./contract.ts";
import type { Comparison, TreeBounds, TreeDifference } from "./tree-contract.ts";
import type { Tellings } from "./tree-tellings.ts";
import { hexOf, same } from "./tree-leaves.ts";
import { decodeAnswer, encodeRequest, MAX_AHEAD, MAX_ASKS, wrong, type TreeAnswer, type TreeAsk } from "./tree-wire.ts";

export type Answers = readonly (Uint8Array | undefined)[];

export interface Task {
  /** None: what it does is done here. At most `MIN_ITEMS`. */
  readonly asks: readonly TreeAsk[];
  /** It tells what was found. */
  readonly tells?: true;
  take(answers: Answers): readonly Task[];
}

/** Indexes that are asked for at once, up to which the peer is asked to send those below them along. */
const FEW = 4;
/** How often the peer's state may move without anything new being told. */
const MOVES = 8;

/** What is told must wait until all before it has been: so it is a task in its place, not done where it is found. */
export const later = (tell: () => void): Task => ({
  asks: [],
  tells: true,
  take() {
    tell();
    return [];
  },
});

export class Walk {
  readonly #comparison: Comparison;
  readonly #tellings: Tellings;
  readonly #bounds: TreeBounds;
  #stack: Task[] = [];
  #ahead = 0;
  #requests = 0;
  #bytes = 0;
  #moves = 0;
  /** Entities that had been told when the peer's state last moved. */
  #told = 0;
  #mark: Uint8Array = new Uint8Array(32);

  constructor(comparison: Comparison, tellings: Tellings, bounds: TreeBounds) {
    this.#comparison = comparison;
    this.#tellings = tellings;
    this.#bounds = bounds;
  }

  /** Which layout the peer's state has. */
  async look(): Promise<StateLayout> {
    const { layout, mark } = await this.#ask([], 0);
    this.#mark = mark;
    return layout;
  }

  /** Runs to the end. `begin` makes the first tasks, from where the last telling left off. */
  async run(layout: StateLayout, begin: () => readonly Task[]): Promise<TreeDifference> {
    this.#push(begin());
    while (this.#stack.length > 0) {
      this.#comparison.signal?.throwIfAborted();
      const tasks = this.#next();
      if (tasks.length > 0 && !(await this.#level(tasks, layout))) {
        this.#stack = [];
        this.#push(begin());
      }
      if (this.#tellings.isDue) await this.#tellings.flush();
    }
    await this.#tellings.flush();
    return { entities: this.#tellings.entities, requests: this.#requests, bytes: this.#bytes };
  }

  /** The first tasks that fit into a request; what needs none is done on the way. */
  #next(): Task[] {
    const tasks: Task[] = [];
    let asks = 0;
    for (let task = this.#stack.pop(); task !== undefined; task = this.#stack.pop()) {
      if (task.tells === true && tasks.length > 0) {
        // Not before what is below those.
        tasks.push(task);
        continue;
      }
      if (task.asks.length === 0) {
        // What it makes stands before all that is left, and after all that was taken.
        this.#push(task.take([]));
        if (this.#tellings.isDue) break;
        continue;
      }
      if (asks + task.asks.length > MAX_ASKS) {
        this.#stack.push(task);
        break;
      }
      asks += task.asks.length;
      tasks.push(task);
    }
    return tasks;
  }

  /** False where the peer's state is not the one any more in which we came here: its hashes are of another tree. */
  async #level(tasks: readonly Task[], layout: StateLayout): Promise<boolean> {
    const asks = tasks.flatMap((task) => task.asks);
    const ways = asks.filter(({ kind }) => kind === "index").length;
    if (ways > 0) this.#ahead = ways > FEW ? 0 : Math.min(Math.max(this.#ahead * 2, 2), MAX_AHEAD);
    const answer = await this.#ask(asks, ways > 0 ? this.#ahead : 0);
    if (answer.layout !== layout && answer.layout !== "empty") throw wrong(`a state of layout ${layout}`);
    if (!same(answer.mark, this.#mark)) {
      this.#mark = answer.mark;
      const { entities } = this.#tellings;
      this.#moves = entities > this.#told ? 1 : this.#moves + 1;
      this.#told = entities;
      if (this.#moves > MOVES) throw new ShoalError("conflict", "the peer's state moves all the time");
      return false;
    }
    const next: Task[] = [];
    const along = new Map(answer.ahead.map(({ id, item }) => [hexOf(id), item]));
    let at = 0;
    let taken = 0;
    for (const task of tasks) {
      const end = at + task.asks.length;
      if (end > answer.items.length) break;
      taken += 1;
      if (task.tells === true) {
        next.push(task);
        continue;
      }
      for (const made of task.take(answer.items.slice(at, end))) deepen(made, along, next);
      at = end;
    }
    this.#push([...next, ...tasks.slice(taken)]);
    return true;
  }

  #push(tasks: readonly Task[]): void {
    for (let at = tasks.length - 1; at >= 0; at--) this.#stack.push(tasks[at]!);
  }

  async #ask(asks: readonly TreeAsk[], ahead: number): Promise<TreeAnswer> {
    const { requests, bytes } = this.#bounds;
    if (this.#requests >= requests) throw exhausted(`${requests} requests`);
    const request = encodeRequest({ ahead, asks });
    const answer = await this.#comparison.ask(request);
    this.#requests += 1;
    this.#bytes += request.length + answer.length;
    if (this.#bytes > bytes) throw exhausted(`${bytes} bytes`);
    return decodeAnswer(answer, asks.length, ahead);
  }
}

const exhausted = (what: string): ShoalError =>
  new ShoalError("resource_exhausted", `comparing two trees takes more than ${what}`);

/** Into `next`, with what came along instead of what would ask for it, in order and as deep as it goes. */
function deepen(task: Task, along: ReadonlyMap<string, Uint8Array>, next: Task[]): void {
  const tasks = [task];
  for (let one = tasks.pop(); one !== undefined; one = tasks.pop()) {
    const [ask] = one.asks;
    const item = ask?.kind === "index" ? along.get(hexOf(ask.id)) : undefined;
    if (item === undefined) next.push(one);
    else tasks.push(...one.take([item]).toReversed());
  }
}
